"""Locks that the operating system releases when their process ends, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold an exclusive lock on a file, which is made if it is not there.

    A file system without locks, such as some network drives, lets everyone have it.

    Yields:
        Whether this process has it; ``False`` if another one does.

    Raises:
        OSError: if the file cannot be made.
    """
    with path.open("ab") as file:
        yield _acquire(file) and _is_still_there(path, file)


def _acquire(file: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True


def _is_still_there(path: Path, file: BinaryIO) -> bool:
    """Return whether a lock is of any use: the process that had it may have removed the file just before."""
    return path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno()))
