"""The text of sentences, their position in the raw text, and the sentences in which a relation can be checked."""

from __future__ import annotations

import re

from atlop.documents.document import Document
from atlop.documents.entity import Entity
from atlop.documents.relation import Relation

_CLOSING = re.compile(r" ([.,;:!?)\]%]|'s\b|n't\b)")
_OPENING = re.compile(r"([(\[]) ")


def sentence_span(document: Document, index: int) -> tuple[int, int] | None:
    """Return the characters [start, end) of a sentence in the raw text; ``None`` without raw text or without words.

    Args:
        document: the document.
        index: index of the sentence.
    """
    words = document.sentences[index]
    if document.offsets is None or not words:
        return None
    offsets = document.offsets[index]
    return offsets[0], offsets[-1] + len(words[-1])


def sentence_text(document: Document, index: int) -> str:
    """Return the raw text of a sentence or, if there is none, its words without spaces before punctuation.

    Args:
        document: the document.
        index: index of the sentence.
    """
    span = sentence_span(document, index)
    if document.text is not None and span is not None:
        return document.text[slice(*span)]
    return _OPENING.sub(r"\1", _CLOSING.sub(r"\1", " ".join(document.sentences[index])))


def supporting_sentences(document: Document, relation: Relation) -> list[int]:
    """Return the evidence of a relation or, if it has none, the sentences in which its entities are closest."""
    if relation.evidence:
        return list(relation.evidence)
    head, tail = (_sentences(document.entities[entity]) for entity in (relation.head, relation.tail))
    _, first, second = min((abs(a - b), a, b) for a in head for b in tail)
    return sorted({first, second})


def _sentences(entity: Entity) -> set[int]:
    return {mention.sentence for mention in entity.mentions}
