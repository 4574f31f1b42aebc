"""The elements of a JSON list one by one, so that a file of any size is never in memory as a whole."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from atlop.errors import DataError, got
from atlop.formats.records import broken_json, not_utf8, unreadable_json

BLOCK = 1 << 18
"""Bytes read at once, unless one element takes more."""
_NO_SPACE = re.compile(r"[^ \t\r\n]")
_DECODER = json.JSONDecoder()


def elements(file: BinaryIO) -> Iterator[Any]:
    """Read the elements of a JSON list one by one, with no more of the file in memory than the longest of them takes.

    Raises:
        DataError: if the file breaks off, is no JSON, or holds something else; elements before that are given first.
    """
    text = _Text(file)
    if text.peek() != "[":
        raise DataError(f"got {got(text.value())} at the top, expected a list of documents")
    text.skip()
    if text.peek() != "]":
        yield text.value()
        while text.peek() == ",":
            text.skip()
            yield text.value()
    if text.peek() != "]":
        raise text.error("Expecting ',' delimiter")
    text.skip()
    if text.peek():
        raise text.error("Extra data")


class _Text:
    """The text of a file from the first character on that was not taken, as far as it was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._decoder = file, codecs.getincrementaldecoder("utf-8")()
        self._text, self._at = "", 0
        self._line, self._column, self._bytes = 1, 1, 0

    def peek(self) -> str:
        """Give the next character that is no white space, or nothing at the end."""
        while True:
            if found := _NO_SPACE.search(self._text, self._at):
                self._at = found.start()
                return found.group()
            self._at = len(self._text)
            if not self._grow():
                return ""

    def skip(self) -> None:
        """Take the character that :meth:`peek` gave."""
        self._at += 1

    def value(self) -> Any:
        """Take one value, reading on for as long as what was read holds no whole one."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._grow():
                    raise self.error(error.msg, error.pos) from error
            except (RecursionError, ValueError) as error:
                raise unreadable_json(error) from error
            else:
                # A number that ends with what was read may go on.
                if end < len(self._text) or not self._grow():
                    self._at = end
                    return value

    def error(self, reason: str, at: int | None = None) -> DataError:
        """Make the error that says why a place, the next one where none is given, is no JSON."""
        before = self._text[: self._at if at is None else at]
        line, column = self._moved(before)
        return broken_json(reason, line=line, column=column)

    def _moved(self, passed: str) -> tuple[int, int]:
        """Give the line and the column to which a text leads from the first character in memory."""
        lines = passed.count("\n")
        return self._line + lines, len(passed) - passed.rfind("\n") if lines else self._column + len(passed)

    def _grow(self) -> bool:
        """Read at least as much again as is left and forget what was taken; false at the end of the file."""
        left = len(self._text) - self._at
        raw = self._file.read(max(BLOCK, left))
        more = self._decode(raw)
        if raw:
            self._line, self._column = self._moved(self._text[: self._at])
            self._text, self._at = self._text[self._at :] + more, 0
        return bool(raw)

    def _decode(self, raw: bytes) -> str:
        pending, _ = self._decoder.getstate()
        try:
            text = self._decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            raise not_utf8(error, start=self._bytes - len(pending)) from error
        self._bytes += len(raw)
        return text
