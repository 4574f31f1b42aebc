"""What the commands read: documents of files, folders and pipes, predictions in several forms, training facts."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from atlop.documents import Document
from atlop.errors import DataError
from atlop.evaluation import NamedFact, facts_from_triples, facts_of
from atlop.formats import READABLE_SUFFIXES, OnError, detect, open_file, read, read_json, stream_file

STANDARD_INPUT = Path("-")
"""How the standard input is named on the command line."""


def input_files(inputs: Sequence[Path]) -> list[Path]:
    """Give the files that are named and those in the folders that are, sorted by name, which read as documents.

    Raises:
        DataError: if a file is not there, or a folder holds none of a suffix that tells documents.
    """
    files = [file for path in inputs for file in (_inside(path) if path.is_dir() else [path])]
    missing = next((file for file in files if file != STANDARD_INPUT and not file.exists()), None)
    if missing is not None:
        raise DataError("cannot be read: No such file or directory", file=str(missing))
    return files


def _inside(folder: Path) -> list[Path]:
    shown = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    files = [path for path in shown if path.suffix.lower() in READABLE_SUFFIXES and path.is_file()]
    if not files:
        expected = f"expected at least one whose name ends in {', '.join(READABLE_SUFFIXES)}"
        raise DataError(f"got a folder without a file of documents, {expected}", file=str(folder))
    return files


def total_size(files: Sequence[Path]) -> int | None:
    """Give the bytes of all files; ``None`` if one of them, such as a pipe, does not tell."""
    return sum(file.stat().st_size for file in files) if all(file.is_file() for file in files) else None


def read_all(
    files: Sequence[Path], *, form: str | None, on_error: OnError, report: Callable[[DataError], object]
) -> Iterator[tuple[Document, int]]:
    """Give the documents of several files one after another, each with the bytes of all files that were read by then.

    Args:
        files: as :func:`input_files` gave them.
        form: that of all files; ``None`` tells it by the content.
        on_error: ``skip`` leaves a malformed document out.
        report: is called with the error of every document left out.
    """
    before = 0
    for path in files:
        with _opened(path) as file:
            name = "standard input" if path == STANDARD_INPUT else str(path)
            for document in stream_file(file, name=name, form=form, on_error=on_error, report=report):
                yield document, before + _place(file)
            before += _place(file)


def _opened(path: Path) -> io.BufferedReader:
    if path != STANDARD_INPUT:
        return open_file(path)
    # Not sys.stdin: Python could not end while a thread that waits for more of a pipe holds that.
    return os.fdopen(0, "rb", closefd=False)


def _place(file: io.BufferedReader) -> int:
    """Give the bytes that were read; a pipe does not tell."""
    return file.tell() if file.seekable() else 0


def read_train_facts(path: Path) -> frozenset[NamedFact]:
    """Read the facts of training documents, or name triples as in ``train_annotated.fact``.

    Raises:
        DataError: if the file holds neither.
    """
    if detect(path) != "triples":
        return facts_of(read(path))
    try:
        return facts_from_triples(read_json(path))
    except DataError as error:
        raise error.inside(file=str(path)) from error
