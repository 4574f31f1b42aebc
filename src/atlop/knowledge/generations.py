"""The folder of a store on disk, whose content is replaced as a whole or not at all.

    graph.json      format version, and the name of the generation in force
    generation-N/   never changed once it is in force
        database/       the database of pyoxigraph
        census.jsonl    what merging needs to know about all documents
        neighbours.npz  which entities have a fact in common
    lock            held by the process that changes the graph

A change works on a copy, which is cheap because the files of the database are linked rather than copied. The next
change removes what a killed process left behind. A reader holds a lock on the folder of the generation that it reads; a
change leaves such a generation to the next one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from zipfile import BadZipFile

from pyoxigraph import Store

from atlop.errors import DataError, got, reason
from atlop.formats import write_pieces
from atlop.locking import locked_folder

if sys.platform != "win32":
    import fcntl

FORMAT = 1
"""Version of the layout and of the vocabulary; raised when an older atlop can no longer read a new store."""
POINTER, GENERATION, LOCK = "graph.json", "generation-", "lock"
DATABASE, CENSUS, NEIGHBOURS = "database", "census.jsonl", "neighbours.npz"


@contextmanager
def in_force(folder: Path) -> Iterator[Path]:
    """Yield the generation in force; it is kept until the end, even if a change replaces it.

    Raises:
        DataError: if the folder holds no graph, or one of another format.
    """
    generation = _named(folder)
    while True:
        with _flocked(generation, shared=True):
            latest = _named(folder)
            if latest == generation:
                yield _checked(generation)
                return
        generation = latest


def _named(folder: Path) -> Path:
    """Return the generation in force, as the pointer names it."""
    _check_folder(folder)
    if not folder.is_dir():
        raise _refused(folder, "no such folder, expected a graph that atlop graph add has made")
    try:
        stored = json.loads((folder / POINTER).read_bytes())
    except FileNotFoundError:
        raise _refused(folder, f"holds no graph, expected the file {POINTER} that atlop graph add writes") from None
    except (OSError, ValueError, RecursionError) as error:
        raise _refused(folder / POINTER, f"cannot be read: {reason(error)}") from error
    version = stored.get("format") if isinstance(stored, dict) else None
    if version != FORMAT:
        raise _refused(folder / POINTER, f"got format {got(version)}, this atlop reads format {FORMAT}")
    number = stored.get("generation")
    if type(number) is not int:  # nor a bool
        raise _no_generation(folder, number)
    return folder / f"{GENERATION}{number}"


def _checked(generation: Path) -> Path:
    """Return a generation that the pointer names.

    Raises:
        DataError: if there is no such folder.
    """
    if not generation.is_dir():
        raise _no_generation(generation.parent, _number(generation))
    return generation


def _number(generation: Path) -> int:
    return int(generation.name.removeprefix(GENERATION))


def _pointer(number: int) -> str:
    return json.dumps({"format": FORMAT, "generation": number})


def _no_generation(folder: Path, number: object) -> DataError:
    expected = f"expected the number of a folder {GENERATION}NUMBER here; correct the file"
    return _refused(folder / POINTER, f"generation: got {got(number)}, {expected}")


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise _refused(folder, "is a file, expected the folder of a graph")


@contextmanager
def _flocked(generation: Path, *, shared: bool) -> Iterator[bool]:
    """Lock the folder of a generation; where folders cannot be locked, as on Windows, everybody gets the lock.

    Yields:
        Whether this process has the lock; ``False`` if another one holds it in a way that excludes this.
    """
    free = True
    with ExitStack() as stack:
        try:
            if sys.platform != "win32":
                descriptor = os.open(generation, os.O_RDONLY)
                stack.callback(os.close, descriptor)
                fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            free = False
        except OSError:  # no such folder, or no locks
            pass
        yield free


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn an error about a part of a store into one that names it.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        yield
    # What damage does depends on where it is; a damaged database is a RuntimeError.
    except (OSError, RuntimeError, ValueError, TypeError, LookupError, EOFError, BadZipFile) as error:
        todo = "restore it from a copy, or add the documents to a new graph"
        raise _refused(path, f"cannot be read: {reason(error)}; {todo}") from error


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn an error of the operating system into one that names the store.

    Raises:
        DataError: if the store cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise _refused(folder, f"cannot be written: {reason(error)}") from error


def open_database(generation: Path) -> Store:
    """Open the database of a generation for reading.

    Raises:
        DataError: if pyoxigraph cannot read it.
    """
    with readable(generation / DATABASE):
        return Store.read_only(str(generation / DATABASE))


@contextmanager
def next_generation(folder: Path) -> Iterator[Path]:
    """Yield a copy of the generation in force, or an empty folder; at the end it comes into force, all or nothing.

    Its database must be closed before the end; otherwise pyoxigraph continues to rewrite its files.

    Args:
        folder: the folder of the store, which is created if it does not exist.

    Raises:
        DataError: if another process is changing the graph, or the folder holds something else or cannot be written.
    """
    _check_folder(folder)
    with ExitStack() as stack:
        with writing(folder):
            if not stack.enter_context(locked_folder(folder, LOCK)):
                raise _refused(folder, "another process is changing this graph; wait until it ends")
            before = _checked(_named(folder)) if _holds_graph(folder) else None
            number = 1 if before is None else _number(before) + 1
            after = folder / f"{GENERATION}{number}"
            _remove_others(folder, before)
            stack.callback(_remove_unnamed, folder)
            _copy(before, after)
        yield after
        write_pieces([f"{_pointer(number)}\n".encode()], folder / POINTER)


def _holds_graph(folder: Path) -> bool:
    """Return whether a folder contains a graph; a folder that contains anything else must not become one.

    Raises:
        DataError: if it contains anything else, or a whole generation without the file that names it.
    """
    if (folder / POINTER).exists():
        return True
    others = [path.name for path in folder.iterdir() if path.name != LOCK and not _is_generation(path)]
    if others:
        problem = f"holds {min(others)!r} and no graph, expected a graph, an empty folder, or none yet"
        raise _refused(folder, problem)
    whole = [path for path in folder.glob(f"{GENERATION}*") if (path / NEIGHBOURS).exists()]  # it is written last
    if whole:
        newest = max(whole, key=_number)
        todo = f"write {_pointer(_number(newest))} into {POINTER}, or remove {newest.name!r}"
        raise _refused(folder, f"holds {newest.name!r}, which is complete, and no {POINTER}; {todo}")
    return False


def _copy(before: Path | None, after: Path) -> None:
    """Make a generation that is as another one, or an empty one."""
    after.mkdir()
    if before is not None:
        with readable(before / CENSUS):
            census = (before / CENSUS).read_bytes()
        (after / CENSUS).write_bytes(census)
        open_database(before).backup(str(after / DATABASE))


def _remove_unnamed(folder: Path) -> None:
    """Remove all generations but the one in force."""
    _remove_others(folder, _named(folder) if (folder / POINTER).exists() else None)


def _remove_others(folder: Path, kept: Path | None) -> None:
    """Remove all generations but one, and those that somebody reads."""
    for path in folder.iterdir():
        if path != kept and _is_generation(path):
            with _flocked(path, shared=False) as unread:
                if unread:
                    shutil.rmtree(path, ignore_errors=True)


def _is_generation(path: Path) -> bool:
    """Return whether a path is a generation, complete or not, and contains nothing of the user's."""
    if not re.fullmatch(rf"{GENERATION}\d+", path.name) or not path.is_dir():
        return False
    return {part.name for part in path.iterdir()} <= {DATABASE, CENSUS, NEIGHBOURS}


def _refused(path: Path, problem: str) -> DataError:
    return DataError(problem, file=str(path))
