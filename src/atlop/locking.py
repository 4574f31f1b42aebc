"""Locks that the operating system releases when their process ends, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold an exclusive lock on a file, which is created if it does not exist.

    On a file system without locks, such as some network drives, every process gets it.

    Yields:
        Whether this process has it; ``False`` if another one does.

    Raises:
        OSError: if the file cannot be created.
    """
    with path.open("ab") as file:
        yield _acquire(file) and _is_still_there(path, file)


@contextmanager
def locked_folder(folder: Path, name: str) -> Iterator[bool]:
    """Hold the lock file of a folder; the folder is created if it does not exist, and removed again if left empty.

    Yields:
        Whether this process has the lock; ``False`` if another one does.

    Raises:
        OSError: if the folder or the file cannot be created.
    """
    missing = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    with ExitStack() as stack:
        stack.callback(_remove_empty, missing)
        folder.mkdir(parents=True, exist_ok=True)
        ours = stack.enter_context(locked(folder / name))
        if ours:
            stack.callback(_remove_file, folder / name)
        yield ours


def _remove_file(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _remove_empty(folders: list[Path]) -> None:
    """Remove folders, the innermost first, up to the first that is not empty."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


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
    """Return whether the path is still the locked file, which its previous holder may have removed just before."""
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    return False
