"""Sentences as they are written, and where in the raw text they are."""

from __future__ import annotations

import re

from atlop.documents.document import Document

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
