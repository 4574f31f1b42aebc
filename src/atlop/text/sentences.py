"""Splitting raw text into sentences, none of which ends inside a mention."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from atlop.errors import DataError, MissingExtraError, got
from atlop.text.words import CutText, Span, Spans, cut_text

ENGLISH = "en"
"""The only language that needs no extra to be split into sentences."""
_CODE = re.compile(r"[a-z]{2,3}(-[a-z]+)*")
_BLANK_LINE = re.compile(r"(?:\r\n?+|\n)[^\S\r\n]*(?:\r\n?+|\n)\s*")
_LONG_CHUNK = re.compile(r"(?<!\S)\S{500,}")
"""A run of characters that is too long to be words; nupunkt takes quadratic time on it."""
_KEPT = 50
"""Characters at the end of such a chunk that may still end a sentence."""

Splitter = Callable[[str], Iterable[int]]
"""Returns where the sentences of a text begin."""


def split_text(
    text: str, *, spans: Sequence[Span] = (), language: str = ENGLISH, starts: Iterable[int] | None = None
) -> CutText:
    """Split a text into sentences of words.

    Args:
        text: the text.
        spans: the mentions; no sentence ends inside one, and a word is split where one begins or ends inside it.
        language: the code of the language by whose rules sentences are split.
        starts: where sentences begin, if another program has found them; those inside a mention are ignored.

    Raises:
        DataError: if the language is not a language code.
        MissingExtraError: if the language is not English and sentencex is not installed.
    """
    if starts is None:
        return cut_text(text, starts=sentence_starts(text, spans=spans, language=language), spans=spans)
    return cut_text(text, starts=_outside(spans, {0, *starts}), spans=spans)


def sentence_starts(text: str, *, spans: Iterable[Span] = (), language: str = ENGLISH) -> list[int]:
    """Return the offsets at which the sentences of a text begin.

    A sentence ends at a blank line, and where nupunkt (for English) or sentencex (for any other language) says so, but
    not inside a mention.

    Args:
        text: the text.
        spans: the mentions.
        language: the code of the language, such as ``en``.

    Raises:
        DataError: if the language is not a language code.
        MissingExtraError: if the language is not English and sentencex is not installed.
    """
    after_blank_lines = (blank.end() for blank in _BLANK_LINE.finditer(text))
    return _outside(spans, {0, *_splitter(language)(text), *after_blank_lines})


def _outside(spans: Iterable[Span], starts: Iterable[int]) -> list[int]:
    inside = Spans(spans)
    return [start for start in sorted(starts) if not inside.split_at(start)]


def _splitter(language: str) -> Splitter:
    if not isinstance(language, str) or not _CODE.fullmatch(language):
        raise DataError(f"got {got(language)}, expected the code of a language such as en or de", field="sentences")
    return _english if language == ENGLISH else _of_language(language)


def _english(text: str) -> Iterable[int]:
    from nupunkt import sent_spans

    return (start for start, _ in sent_spans(_LONG_CHUNK.sub(_plain, text)))


def _plain(chunk: re.Match[str]) -> str:
    """Return a chunk of the same length in which no sentence ends before the last characters."""
    return "x" * (len(chunk.group()) - _KEPT) + chunk.group()[-_KEPT:]


def _of_language(language: str) -> Splitter:
    try:
        from sentencex import get_sentence_boundaries
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"splitting sentences of the language {language!r}", extra="languages") from error
    return lambda text: (sentence["start_index"] for sentence in get_sentence_boundaries(language, text))
