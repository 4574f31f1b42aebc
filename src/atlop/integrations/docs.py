"""From spaCy's ``Doc`` to a document, and from relations to the plain values that a ``Doc`` can store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from atlop.documents import Document, Entity, Relation
from atlop.documents.sentences import sentence_span
from atlop.documents.spans import TypedSpan
from atlop.errors import DataError
from atlop.formats.lifting import Lifting, MarkedText, lift
from atlop.text import Span

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from spacy.tokens import Span as DocSpan

ONTONOTES = {
    **dict.fromkeys(["PERSON"], "PER"),
    **dict.fromkeys(["GPE", "FAC", "NORP"], "LOC"),
    **dict.fromkeys(["DATE"], "TIME"),
    **dict.fromkeys(["CARDINAL", "MONEY", "ORDINAL", "PERCENT", "QUANTITY"], "NUM"),
    **dict.fromkeys(["EVENT", "LANGUAGE", "LAW", "PRODUCT", "WORK_OF_ART"], "MISC"),
}
"""The entity types of DocRED for the labels of OntoNotes. Most of what is ``NORP`` in OntoNotes, such as nationalities,
is ``LOC`` in DocRED."""
_TITLE = 60
"""Number of characters of a text that serve as its title in messages."""
_EDGES = re.compile(r"^(?:the|an?)\s+|\s*['’]s?$", re.IGNORECASE)
"""What a coreference component may include in a mention and an entity recognizer may not, or vice versa."""


def types_for(known: Iterable[str], own: Mapping[str, str]) -> dict[str, str]:
    """Return the entity type of each label that a model knows by another name.

    Args:
        known: the entity types of the model; none if it does not know them.
        own: the choices of the user, which take precedence.
    """
    known = set(known)
    return {**{label: kind for label, kind in ONTONOTES.items() if kind in known and label not in known}, **own}


def to_document(doc: Doc, *, spans: str | None, clusters: str, types: Mapping[str, str]) -> Document:
    """Build the document of a ``Doc``.

    Args:
        doc: a processed text; if it has no sentences, atlop splits it into sentences itself.
        spans: the span group of the mentions; ``None`` for ``doc.ents``.
        clusters: the prefix of the span groups with coreferring mentions, and the name of the extension attribute.
        types: the entity type of each label that has another name in the model.

    Raises:
        DataError: if there is no such span group, or the text contains a lone surrogate.
        MissingExtraError: if the language is not English and the extra for its sentences is not installed.
    """
    marked = MarkedText(" ".join(doc.text.split())[:_TITLE] or "text", doc.text)
    if doc.has_annotation("SENT_START"):
        marked.sentences = [sentence.start_char for sentence in doc.sents]
    mentions = [span for span in mentions_of(doc, spans) if span.text.strip()]
    for key, span in enumerate(mentions):
        marked.mark(key, span.start_char, span.end_char, types.get(span.label_, span.label_))
    cores = [_core(doc.text, (span.start_char, span.end_char)) for span in mentions]
    for cluster in _clusters(doc, clusters):
        same = {_core(doc.text, span) for span in cluster}
        for pair in pairwise(key for key, core in enumerate(cores) if core in same):
            marked.join(*pair)
    return lift(marked, Lifting(language=doc.lang_ or "en"))


def mentions_of(doc: Doc, spans: str | None) -> Sequence[DocSpan]:
    """Return the mentions of a ``Doc``: a span group, or else ``doc.ents``.

    Raises:
        DataError: if there is no such span group.
    """
    if spans is None:
        return doc.ents
    if spans not in doc.spans:
        found = ", ".join(map(repr, doc.spans)) or "none"
        raise DataError(f"got no span group {spans!r}, expected one; the groups here are {found}", field="spans")
    return list(doc.spans[spans])


def _clusters(doc: Doc, name: str) -> Iterator[list[Span]]:
    """Yield the coreferring mentions that other components have found, as character spans."""
    for key, group in doc.spans.items():
        if key.startswith(f"{name}_"):
            yield [(span.start_char, span.end_char) for span in group]
    if doc.has_extension(name):
        yield from ([(start, end) for start, end in cluster] for cluster in doc._.get(name) or ())


def _core(text: str, span: Span) -> Span:
    """Return the span of a mention without a leading article or a possessive ending."""
    start, end = span
    name = text[start:end]
    for found in reversed(list(_EDGES.finditer(name))):
        start, end = (start + found.end(), end) if found.start() == 0 else (start, end - len(found.group()))
    return (start, end) if start < end else span


def to_dict(document: Document, relation: Relation, labels: Mapping[TypedSpan, str]) -> dict[str, Any]:
    """Return a relation as plain values, with offsets in characters.

    Args:
        document: the document of the relation.
        relation: one of its relations.
        labels: the label of each mention in the ``Doc``, by its span and its entity type.
    """
    evidence = relation.evidence
    return {
        "head": _entity(document, document.entities[relation.head], labels),
        "tail": _entity(document, document.entities[relation.tail], labels),
        "relation": relation.relation,
        "name": relation.name,
        "confidence": relation.confidence,
        "evidence": None if evidence is None else [list(span) for span in _sentences(document, evidence)],
    }


def _entity(document: Document, entity: Entity, labels: Mapping[TypedSpan, str]) -> dict[str, Any]:
    spans = [document.span(mention) for mention in entity.mentions]
    return {
        "text": entity.name,
        "start_char": spans[0][0],
        "end_char": spans[0][1],
        "label": labels.get((*spans[0], entity.type), entity.type),
        "mentions": [list(span) for span in spans],
    }


def _sentences(document: Document, indices: Iterable[int]) -> Iterator[Span]:
    spans = (sentence_span(document, index) for index in indices)
    return (span for span in spans if span is not None)
