"""What the commands read: documents from files, folders and pipes, and training facts."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from atlop.cli.options import check_writable, choice
from atlop.documents import Document
from atlop.errors import DataError
from atlop.evaluation import NamedFact, facts_from_triples, facts_of
from atlop.formats import (
    READABLE,
    READABLE_SUFFIXES,
    Lifting,
    OnError,
    check_input,
    open_file,
    parse_json,
    read,
    recognized,
    stream_file,
)

STANDARD_INPUT = Path("-")
"""The name of standard input on the command line."""


def input_files(inputs: Sequence[Path], *, form: str | None, output: Path | None, plain: bool = False) -> list[Path]:
    """Return the files to read, those of a folder sorted by name, and check what can be checked beforehand.

    Args:
        inputs: files, folders that contain files of documents, and :data:`STANDARD_INPUT`.
        form: format of all files; ``None`` detects it from the content.
        output: the file to write, which the next run must not read as input.
        plain: whether files may be plain text.

    Raises:
        AtlopError: if there is no such format.
        DataError: if an input cannot be read, is named twice, is of an unknown format, or is a folder without documents
            or with the output in it; or if the output cannot be written.
    """
    if form is not None:
        choice("--from", form, (*READABLE, "text") if plain else READABLE)
    files: list[Path] = []
    for path in inputs:
        with _readable(path):
            files += _inside(path, output) if path != STANDARD_INPUT and _is_folder(path) else [path]
    _check_distinct(files)
    for file in files:
        if file != STANDARD_INPUT:
            check_input(file, form=form, plain=plain)
    if output is not None:
        check_writable(output)
    return files


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn an operating-system error into one that names the input."""
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=str(path)) from error
    except ValueError as error:
        raise DataError("cannot be read: the name contains a NUL", file=str(path)) from error


def _is_folder(path: Path) -> bool:
    """Return whether a path is a folder; unlike :meth:`Path.is_dir`, raise an error if it does not exist."""
    return stat.S_ISDIR(path.stat().st_mode)


def _inside(folder: Path, output: Path | None) -> list[Path]:
    shown = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    files = [path for path in shown if path.suffix.lower() in READABLE_SUFFIXES and path.is_file()]
    # In brat's format, annotations are in a file beside their text.
    annotated = {path.stem for path in files if path.suffix.lower() == ".ann"}
    files = [path for path in files if path.suffix != ".txt" or path.stem not in annotated]
    if not files:
        expected = f"expected at least one whose name ends in {', '.join(READABLE_SUFFIXES)}"
        raise DataError(f"got a folder without a file of documents, {expected}", file=str(folder))
    if (
        output is not None
        and output.suffix.lower() in READABLE_SUFFIXES
        and output.parent.resolve() == folder.resolve()
    ):
        problem = f"is in the input folder {str(folder)!r}, from which the next run would read it"
        raise DataError(f"{problem}; write it somewhere else", file=str(output))
    return files


def _check_distinct(files: Sequence[Path]) -> None:
    counts = Counter(file if file == STANDARD_INPUT else file.resolve() for file in files)
    for file, count in counts.items():
        if count > 1:
            name = "standard input" if file == STANDARD_INPUT else str(next(f for f in files if f.resolve() == file))
            raise DataError(f"is named {count} times among the inputs, expected once", file=name)


def total_size(files: Sequence[Path]) -> int | None:
    """Return the total size of the files in bytes; ``None`` if one of them, such as a pipe, has no known size."""
    return sum(file.stat().st_size for file in files) if all(file.is_file() for file in files) else None


def read_all(
    files: Sequence[Path],
    *,
    form: str | None,
    on_error: OnError,
    plain: bool = False,
    language: str = "en",
) -> Iterator[tuple[Document, int]]:
    """Yield the documents of several files one after another, each with the number of bytes read so far.

    Args:
        files: what :func:`input_files` returned.
        form: format of all files; ``None`` detects it from the content.
        on_error: ``skip`` leaves malformed documents out and prints why.
        plain: whether files may be plain text.
        language: the language whose rules end the sentences of a text.
    """
    lifting = Lifting(language=language)
    before = 0
    for path in files:
        name = "standard input" if path == STANDARD_INPUT else str(path)
        with _opened(path) as file:
            for document in stream_file(
                file, name=name, form=form, on_error=on_error, report=_print_left_out, lifting=lifting, plain=plain
            ):
                yield document, before + _position(file)
            before += _position(file)


def _print_left_out(error: DataError) -> None:
    typer.echo(f"atlop: left out: {error}", err=True)


def _opened(path: Path) -> io.BufferedReader:
    if path != STANDARD_INPUT:
        return open_file(path)
    if sys.stdin is None:
        raise DataError("cannot be read: it is closed", file="standard input")
    # Not sys.stdin: Python cannot exit while a thread holds its lock and waits for input from a pipe.
    return os.fdopen(0, "rb", closefd=False)


def _position(file: io.BufferedReader) -> int:
    """Return the number of bytes read; 0 for a pipe, whose position is unknown."""
    return file.tell() if file.seekable() else 0


def read_train_facts(path: Path) -> frozenset[NamedFact]:
    """Read the facts of training documents, or triples of names as in ``train_annotated.fact``.

    Raises:
        DataError: if the file contains neither.
    """
    if path.is_dir():
        return facts_of(read(path))
    with recognized(path) as (form, file):
        if form == "triples":
            return facts_from_triples(parse_json(file.read()))
        return facts_of(stream_file(file, name=str(path), form=form))
