"""Sentences as they are written, where in the raw text they are, and which of them a relation can be checked in."""

from __future__ import annotations

import re

from atlop.documents.document import Document
from atlop.documents.entity import Entity
from atlop.documents.relation import Relation

_CLOSING = re.compile(r" ([.,;:!?)\]%]|'s\b|n't\b)")
_OPENING = re.compile(r"([(\[]) ")


def sentence_span(document: Document, index: int) -> tuple[int, int] | None:
    """Return the characters [start, end) of the raw text that a sentence covers; ``None`` if there is no raw text.

    Args:
        document: the document.
        index: index of the sentence; one without words is nowhere in the text.
    """
    words = document.sentences[index]
    if document.offsets is None or not words:
        return None
    offsets = document.offsets[index]
    return offsets[0], offsets[-1] + len(words[-1])


def sentence_text(document: Document, index: int) -> str:
    """Return a sentence as it is written: from the raw text, or its words without spaces around punctuation.

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
