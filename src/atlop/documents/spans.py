"""Entities given as character spans of a text, which must be whole words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from atlop.documents.checks import check_string
from atlop.documents.entity import Entity, Mention
from atlop.documents.fields import Field
from atlop.errors import DataError, got, shown
from atlop.text import CutText, Span, word_spans

TypedSpan = tuple[int, int, str]
"""A mention: start, end and entity type of the characters [start, end) of a text."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def check_text(text: object) -> None:
    """Check that a text is a string without lone surrogates, which UTF-8 cannot encode.

    Raises:
        DataError: if it is not.
    """
    found = _SURROGATE.search(text) if isinstance(text, str) else None
    if found is not None:
        problem = (
            f"got the lone surrogate {found.group()!r} at {found.start()}, expected characters that UTF-8 can encode"
        )
        raise DataError(problem, field="text")
    check_string("text", text, empty=True)


def read_spans(text: str, entities: Any) -> list[list[TypedSpan]]:
    """Check the mentions of entities and return them.

    Args:
        text: the text.
        entities: each a sequence of mentions (start, end, type).

    Raises:
        DataError: if one is malformed or does not cover whole words of the text.
    """
    return [_read_entity(text, entity) for entity in Field(entities, "entities").items()]


def _read_entity(text: str, entity: Field) -> list[TypedSpan]:
    if not entity.elements():
        raise entity.error("got none, expected at least one mention")
    return [_read_span(text, mention) for mention in entity.items()]


def _read_span(text: str, mention: Field) -> TypedSpan:
    values = mention.elements()
    if len(values) != 3 or not all(type(offset) is int for offset in values[:2]):
        raise mention.error(f"got {got(mention.value)}, expected (start, end, type) with integers as offsets")
    start, end, kind = values
    if problem := _misaligned(text, start, end):
        found = f"got {start} to {end}, where the text reads {shown(text[max(start, 0) : max(end, 0)])}"
        raise mention.error(f"{found}; {problem}, expected whole words{_nearest(text, (start, end))}")
    mention.build(check_string, field="type", value=kind)
    return start, end, kind


def _misaligned(text: str, start: int, end: int) -> str | None:
    """Return what is wrong with a span, if anything is."""
    if start < 0 or end > len(text):
        return f"that is outside the text of {len(text)} characters"
    if end <= start:
        return "that is empty" if end == start else "that ends before it begins"
    if text[start:end].isspace():
        return "that is blank"
    for at, does, inner in ((start, "begins", start), (end, "ends", end - 1)):
        if text[inner].isspace():
            return f"that {does} with white space"
        if 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum():
            return f"that {does} inside the word {shown(_word_at(text, at))}"
    return None


def _word_at(text: str, offset: int) -> str:
    return next(text[start:end] for start, end in word_spans(text) if end > offset)


def _nearest(text: str, span: Span) -> str:
    """Describe the words that begin and end nearest to a span."""
    words = list(word_spans(text))
    if not words:
        return "; the text has no words"
    first, last = sorted(span)
    start = min((start for start, _ in words), key=lambda offset: abs(offset - first))
    end = min((end for _, end in words if end > start), key=lambda offset: abs(offset - last))
    return f"; the nearest are {shown(text[start:end])}, {start} to {end}"


def place_entity(cut: CutText, text: str, mentions: Iterable[TypedSpan], *, identifier: str | None = None) -> Entity:
    """Build an entity from mentions at whose ends the text was split.

    Args:
        cut: the words of the text.
        text: the text.
        mentions: the mentions, without white space at either end.
        identifier: the identifier of the entity, if it has one.

    Raises:
        DataError: if there is no mention.
    """
    return Entity(
        tuple(Mention(*cut.place((start, end)), kind, text[start:end]) for start, end, kind in mentions), identifier
    )
