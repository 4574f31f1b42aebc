"""Entities of a text from an entity recognizer, instead of those that a model finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from atlop.documents import Document
from atlop.errors import AtlopError, DataError, MissingExtraError, reason
from atlop.integrations.docs import to_document, types_for

if TYPE_CHECKING:
    from spacy.language import Language


def load_pipeline(name: str) -> Language:
    """Load a spaCy pipeline.

    Args:
        name: a package or a folder, such as ``en_core_web_sm``.

    Raises:
        AtlopError: if there is no such pipeline.
        MissingExtraError: if spaCy is not installed.
    """
    try:
        import spacy
    except ImportError as error:
        raise MissingExtraError("entities by spaCy", extra="spacy") from error
    try:
        return spacy.load(name)
    except (OSError, ValueError) as error:
        problem = f"spaCy cannot load the pipeline {name!r}: {reason(error)}"
        raise AtlopError(f"{problem}; install it with: python -m spacy download {name}") from error


def mark_entities(documents: Iterable[Document], nlp: Language, *, types: Iterable[str]) -> Iterator[Document]:
    """Yield documents with the entities that a spaCy pipeline finds in their texts, in the same order.

    Args:
        documents: documents with a text, which is split again and whose marked entities are ignored.
        nlp: the pipeline.
        types: the entity types of the model, to which the labels of OntoNotes are mapped.

    Raises:
        DataError: if a document has no text, or one that is too long for the pipeline.
    """
    named = types_for(types, {})
    texts: Iterator[tuple[str, Any]] = ((_text(each, longest=nlp.max_length), each.title) for each in documents)
    for doc, title in nlp.pipe(texts, as_tuples=True):
        yield replace(to_document(doc, spans=None, clusters="coref_clusters", types=named), title=title)


def _text(document: Document, *, longest: int) -> str:
    if document.text is None:
        problem = "got words without a raw text, expected a text, in which spaCy finds entities"
        raise DataError(problem, document=document.title, field="text")
    if len(document.text) > longest:
        problem = f"got {len(document.text)} characters, expected at most {longest}, which spaCy reads at once"
        raise DataError(f"{problem}; split the text", document=document.title, field="text")
    return document.text
