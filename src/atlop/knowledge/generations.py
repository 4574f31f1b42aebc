"""The folder of a store on disk, whose content is replaced as a whole or not at all.

    graph.json      format version, and the name of the generation in force
    generation-N/   never changed once it is in force
        database/       the database of pyoxigraph
        census.jsonl    what merging needs to know about all documents
        neighbours.npz  which entities have a fact in common
    lock            held by the process that changes the graph

A change works on a copy, which is cheap because the files of the database are linked rather than copied. The next
change removes what a killed process left behind.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyoxigraph import Store

from atlop.errors import DataError, got, reason
from atlop.formats import write_pieces
from atlop.locking import locked_folder

FORMAT = 1
"""Version of the layout and of the vocabulary; raised when an older atlop can no longer read a new store."""
POINTER, GENERATION, LOCK = "graph.json", "generation-", "lock"
DATABASE, CENSUS, NEIGHBOURS = "database", "census.jsonl", "neighbours.npz"


def current(folder: Path) -> Path:
    """Return the generation in force.

    Raises:
        DataError: if the folder holds no graph, or one of another format.
    """
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
    return folder / f"{GENERATION}{stored.get('generation')}"


@contextmanager
def open_database(path: Path) -> Iterator[Store]:
    """Open the database of a generation for reading.

    Raises:
        DataError: if pyoxigraph cannot read it.
    """
    try:
        store = Store.read_only(str(path / DATABASE))
    except (OSError, RuntimeError) as error:  # a damaged database is a RuntimeError
        raise _refused(path / DATABASE, f"cannot be read: {reason(error)}") from error
    yield store


@contextmanager
def next_generation(folder: Path) -> Iterator[Path]:
    """Yield a copy of the generation in force, or an empty folder; at the end it comes into force, all or nothing.

    Its database must be closed before the end; otherwise pyoxigraph continues to rewrite its files.

    Args:
        folder: the folder of the store, which is created if it does not exist.

    Raises:
        DataError: if another process is changing the graph, or the folder cannot be written.
    """
    try:
        with locked_folder(folder, LOCK) as ours:
            if not ours:
                raise _refused(folder, "another process is changing this graph; wait until it ends")
            before = current(folder) if _holds_graph(folder) else None
            _remove_others(folder, before)
            yield from _replaced(folder, before)
    except OSError as error:
        raise _refused(folder, f"cannot be written: {reason(error)}") from error


def _holds_graph(folder: Path) -> bool:
    """Return whether a folder contains a graph; a folder that contains anything else must not become one.

    Raises:
        DataError: if it contains anything else.
    """
    if (folder / POINTER).exists():
        return True
    others = [path.name for path in folder.iterdir() if path.name != LOCK and not _is_generation(path)]
    if others:
        problem = f"holds {min(others)!r} and no graph, expected a graph, an empty folder, or none yet"
        raise _refused(folder, problem)
    return False


def _replaced(folder: Path, before: Path | None) -> Iterator[Path]:
    number = 1 if before is None else int(before.name.removeprefix(GENERATION)) + 1
    after, replaced = folder / f"{GENERATION}{number}", False
    try:
        after.mkdir()
        if before is not None:
            Store.read_only(str(before / DATABASE)).backup(str(after / DATABASE))
            shutil.copyfile(before / CENSUS, after / CENSUS)
        yield after
        pointer = json.dumps({"format": FORMAT, "generation": number}) + "\n"
        write_pieces([pointer.encode()], folder / POINTER)
        replaced = True
    finally:
        _remove_others(folder, after if replaced else before)


def _remove_others(folder: Path, kept: Path | None) -> None:
    for path in folder.iterdir():
        if path != kept and _is_generation(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_generation(path: Path) -> bool:
    """Return whether a path is a generation, complete or not, and contains nothing of the user's."""
    if not re.fullmatch(rf"{GENERATION}\d+", path.name) or not path.is_dir():
        return False
    return {part.name for part in path.iterdir()} <= {DATABASE, CENSUS, NEIGHBOURS}


def _refused(path: Path, problem: str) -> DataError:
    return DataError(problem, file=str(path))
