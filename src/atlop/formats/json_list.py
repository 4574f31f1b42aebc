"""The elements of a JSON list one at a time, so that a file of any size is never in memory as a whole."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from atlop.documents.fields import json_object
from atlop.errors import DataError, got
from atlop.formats.records import broken_json, not_utf8, unreadable_json

BLOCK = 1 << 18
"""Size in bytes of the blocks in which a file is read, unless an element is larger."""
_LONGEST_TOKEN = 16
"""More characters than any JSON token has, strings and numbers aside."""
_NO_SPACE = re.compile(r"[^ \t\r\n]")
_DECODER = json.JSONDecoder(object_pairs_hook=json_object)


def elements(file: BinaryIO, *, of: str = "documents") -> Iterator[Any]:
    """Yield the elements of a JSON list, with no more of the file in memory than the longest of them takes.

    Args:
        file: the bytes.
        of: what error messages call the elements.

    Raises:
        DataError: after the last valid element, if the file breaks off, is not valid JSON or contains something else.
    """
    text = _Text(file)
    if text.peek() != "[":
        raise DataError(f"got {got(text.value())} at the top, expected a list of {of}")
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
    """The decoded part of a file that has been read and not yet consumed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._decoder = file, codecs.getincrementaldecoder("utf-8")()
        self._text, self._at = "", 0
        self._line, self._column, self._bytes = 1, 1, 0

    def peek(self) -> str:
        """Return the next character that is not white space, or an empty string at the end."""
        while True:
            if found := _NO_SPACE.search(self._text, self._at):
                self._at = found.start()
                return found.group()
            self._at = len(self._text)
            if not self._grow():
                return ""

    def skip(self) -> None:
        """Consume the character that :meth:`peek` returned."""
        self._at += 1

    def value(self) -> Any:
        """Consume one value, reading on until it is complete."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._is_cut_off(error) or not self._grow():
                    raise self.error(error.msg, error.pos) from error
            except (RecursionError, ValueError) as error:
                raise unreadable_json(error) from error
            else:
                # A number at the end of what was read may continue.
                if end < len(self._text) or not self._grow():
                    self._at = end
                    return value

    def _is_cut_off(self, error: json.JSONDecodeError) -> bool:
        """Return whether reading on could make a value valid; a typo should not cause the whole file to be read."""
        return error.msg.startswith("Unterminated string") or error.pos > len(self._text) - _LONGEST_TOKEN

    def error(self, reason: str, at: int | None = None) -> DataError:
        """Build the error for invalid JSON at a position, by default the next one."""
        before = self._text[: self._at if at is None else at]
        line, column = self._moved(before)
        return broken_json(reason, line=line, column=column)

    def _moved(self, passed: str) -> tuple[int, int]:
        """Return the line and the column after a text that begins at the first character in memory."""
        lines = passed.count("\n")
        return self._line + lines, len(passed) - passed.rfind("\n") if lines else self._column + len(passed)

    def _grow(self) -> bool:
        """Drop what was consumed and read at least as much as is left; return false at the end of the file."""
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
