"""Files as bytes: read without seeking, so that pipes work, and written completely or not at all."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from atlop.errors import DataError, reason

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 65_536
"""Size in bytes of the blocks in which files are read."""


def open_file(path: Path) -> io.BufferedReader:
    """Open a file for reading bytes.

    Raises:
        DataError: if it cannot be opened.
    """
    try:
        return path.open("rb")
    except (OSError, ValueError) as error:  # a ValueError is about a NUL character in the path
        raise unreadable(error, str(path)) from error


def unreadable(error: BaseException, name: str) -> DataError:
    """Build the error that says why a file cannot be read."""
    if isinstance(error, MemoryError):
        return DataError("cannot be read: it does not fit into memory", file=name)
    return DataError(f"cannot be read: {_reason(error)}", file=name)


def _reason(error: BaseException) -> str:
    # The wording of the ValueError depends on the version of Python.
    return "a path cannot hold a NUL character" if isinstance(error, ValueError) else reason(error)


def rejoined(beginning: bytes, file: io.BufferedIOBase) -> io.BufferedReader:
    """Return a file as it was before its beginning was read."""
    return io.BufferedReader(_Rejoined(beginning, file), BLOCK)


class _Rejoined(io.RawIOBase):
    def __init__(self, beginning: bytes, file: io.BufferedIOBase) -> None:
        self._beginning, self._file = memoryview(beginning), file

    def readable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is available without waiting for more."""
        room = memoryview(buffer)
        part = self._beginning[: len(room)] or self._file.read1(len(room))
        self._beginning = self._beginning[len(room) :]
        room[: len(part)] = part
        return len(part)


def write_pieces(pieces: Iterable[bytes], path: Path) -> None:
    """Write a file piece by piece; an existing file is replaced after the last piece and stays as it is until then.

    The pieces go to a hidden file beside it, which is removed if an error or an interruption ends the writing. A device
    is written to directly.

    An existing file keeps its permissions.

    Raises:
        DataError: if the file cannot be written.
    """
    with _writing(path):
        target = None if _is_device(path) else Path(os.path.realpath(path))
    if target is None:
        _write(pieces, path, mode="wb", named=path)
    else:
        _replace(target, pieces, named=path)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into one that names the file."""
    try:
        yield
    except (OSError, ValueError) as error:  # a ValueError is about a NUL character in the path
        raise DataError(f"cannot be written: {_reason(error)}", file=str(path)) from error


def _write(pieces: Iterable[bytes], path: Path, *, mode: str, named: Path) -> None:
    """Write pieces to a file; an error of the pieces themselves is left as it is."""
    with _writing(named):
        file = path.open(mode)
    try:
        for piece in pieces:
            with _writing(named):
                file.write(piece)
    finally:
        with _writing(named):
            file.close()


def _is_device(path: Path) -> bool:
    """Return whether a path exists and is not a file; a symlink loop or a name that is too long is an error."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return not path.is_file()


def _replace(target: Path, pieces: Iterable[bytes], *, named: Path) -> None:
    partial_file = target.with_name(f".{uuid4().hex}.partial")
    try:
        _write(pieces, partial_file, mode="xb", named=named)
        with _writing(named):
            if target.exists():
                shutil.copymode(target, partial_file)
            partial_file.replace(target)
    finally:
        partial_file.unlink(missing_ok=True)
