"""The shapes of words: the capitals and digits that a lower-casing tokenizer forgets."""

from __future__ import annotations

import re
from collections.abc import Sequence

SHAPES = (
    "",  # no word
    "word",
    "Word",
    "Word, first of its sentence",
    "WORD",
    "W",
    "wOrd",
    "1234",
    "12",
    "12th",
    "other letters",
    "no letter",
)
"""The kinds of words, by example; a model stores a weight for each."""

_YEAR = re.compile(r"[12]\d{3}")


def word_shapes(words: Sequence[str]) -> list[int]:
    """Return the shape of each word of a sentence, as an index of :data:`SHAPES`."""
    first = next((place for place, word in enumerate(words) if any(map(str.isalnum, word))), -1)
    return [SHAPES.index(_shape(word, is_first=place == first)) for place, word in enumerate(words)]


def _shape(word: str, *, is_first: bool) -> str:
    if any(map(str.isdigit, word)):
        return _digit_shape(word)
    if not any(map(str.isalpha, word)):
        return "no letter"
    if word.islower():
        return "word"
    if word.isupper():
        return "WORD" if len(word) > 1 else "W"
    if word[0].isupper() and not any(map(str.isupper, word[1:])):
        return "Word, first of its sentence" if is_first else "Word"
    return "wOrd" if any(map(str.isupper, word)) else "other letters"


def _digit_shape(word: str) -> str:
    if _YEAR.fullmatch(word):
        return "1234"
    return "12th" if any(map(str.isalpha, word)) else "12"
