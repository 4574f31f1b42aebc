"""Files as bytes: read without going back, as a pipe must be, and written whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

from atlop.errors import DataError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 65_536
"""Bytes of a file that are read at once."""


def open_file(path: Path) -> io.BufferedReader:
    """Open a file to read its bytes.

    Raises:
        DataError: if it cannot be opened.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise unreadable(error, str(path)) from error


def unreadable(error: OSError, name: str) -> DataError:
    """Make the error that says why the machine does not let a file be read."""
    return DataError(f"cannot be read: {error.strerror}", file=name)


def rejoined(beginning: bytes, file: io.BufferedIOBase) -> BinaryIO:
    """Give a file once more from its beginning, which was read from it already."""
    return io.BufferedReader(_Rejoined(beginning, file), BLOCK)


class _Rejoined(io.RawIOBase):
    def __init__(self, beginning: bytes, file: io.BufferedIOBase) -> None:
        self._beginning, self._file = beginning, file

    def readable(self) -> bool:
        """Say that it can be read from."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer with what comes next, as far as it is there at once."""
        room = memoryview(buffer)
        part = self._beginning[: len(room)] or self._file.read1(len(room))
        self._beginning = self._beginning[len(room) :]
        room[: len(part)] = part
        return len(part)


def write_pieces(pieces: Iterable[bytes], path: Path) -> None:
    """Write a file piece by piece, all or nothing: until the last is written, what stood there before stays.

    A device is written to directly.

    Raises:
        DataError: if the file cannot be written.
    """
    try:
        _replace(path.resolve(), pieces)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", file=str(path)) from error


def _replace(target: Path, pieces: Iterable[bytes]) -> None:
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            file.writelines(pieces)
        return
    partial_file = target.with_name(f".{uuid4().hex}.partial")
    try:
        with partial_file.open("xb") as file:
            file.writelines(pieces)
        partial_file.replace(target)
    finally:
        partial_file.unlink(missing_ok=True)
