"""Options that several commands share, and the checks that need nothing but the options themselves.

This module and those of the commands import little, so that ``atlop --help`` starts at once; lists that other modules
also define are repeated here, and a test compares them.
"""

from __future__ import annotations

import errno
import importlib
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any

import typer

from atlop.errors import AtlopError, DataError, reason

_BOTH = ("docred", "jsonl", "pubtator", "data")
READABLE = (*_BOTH, "labelstudio", "doccano", "brat")
WRITABLE = (*_BOTH, "leaderboard")
PREDICTION = (*WRITABLE, "table")
"""Formats of predictions."""
GRAPHS = ("turtle", "ntriples", "jsonld", "graphml", "neo4j", "parquet", "html")
"""Forms of graphs."""
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")
ON_ERROR = ("raise", "skip")

Inputs = Annotated[
    list[Path],
    typer.Argument(metavar="INPUT...", help="Files of documents, folders of such files, or - for standard input."),
]
Form = Annotated[
    str | None,
    typer.Option("--from", help=f"Format of the input: {', '.join(READABLE)}; detected from the content by default."),
]
OnError = Annotated[str, typer.Option(help="What to do with a malformed document: raise, or skip it and report it.")]
MinConfidence = Annotated[
    float, typer.Option(metavar="NUMBER", help="Leave out relations below this confidence, from 0 to 1.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a setting; model.KEY overrides one of the model."),
]
PredictionFile = Annotated[Path | None, typer.Option(help="File to write; standard output by default.")]
Device = Annotated[str, typer.Option(help=f"Device to compute on: {', '.join(DEVICES)}.")]
Precision = Annotated[
    str, typer.Option(help="Precision to compute in: auto (the fastest that the processor supports), fp32 or bf16.")
]
Model = Annotated[
    str | None, typer.Option(help="Model folder, or name on the Hugging Face hub; the bundled model by default.")
]
ModelArgument = Annotated[
    str | None, typer.Argument(help="Model folder, or name on the Hugging Face hub; the bundled model by default.")
]
Revision = Annotated[
    str | None, typer.Option(help="Branch, tag or commit of a model on the hub; its main branch by default.")
]


def choice(option: str, value: str, choices: Sequence[str]) -> Any:
    """Return the value of an option.

    Raises:
        AtlopError: if it is not one of the choices.
    """
    if value not in choices:
        raise AtlopError(f"{option}: got {value!r}, expected one of {', '.join(choices)}")
    return value


def output_format(to: str | None, output: Path | None, choices: Sequence[str]) -> str:
    """Return the format to write: the one that ``--to`` names, else that of the suffix, else JSONL.

    Args:
        to: the value of ``--to``.
        output: the file to write; ``None`` for standard output.
        choices: the formats that the command writes.

    Raises:
        AtlopError: if there is no such format or the suffix does not stand for one.
    """
    if to is not None:
        return str(choice("--to", to, choices))
    if output is None or is_stream(output):
        return "jsonl"
    from atlop.formats import SUFFIXES

    form = SUFFIXES.get(output.suffix.lower())
    if form is None:
        expected = f"a name that ends in one of {', '.join(SUFFIXES)}, or a format named with --to"
        raise AtlopError(f"--output: got {str(output)!r}, expected {expected}")
    return form


def is_stream(path: Path) -> bool:
    """Return whether a path is a named pipe or a device, such as a terminal."""
    return path.is_fifo() or path.is_char_device()


def fraction(option: str, value: float) -> float:
    """Return the value of an option.

    Raises:
        AtlopError: if it is not between 0 and 1.
    """
    if not 0 <= value <= 1:  # nan fails this, too
        raise AtlopError(f"{option}: got {value}, expected a number from 0 to 1")
    return value


def model_folder(name: str | None, revision: str | None) -> Path:
    """Return the folder of a model, downloading it first if it is on the hub.

    Raises:
        AtlopError: if there is no such model, or a revision is given for a model that is not on the hub.
    """
    if revision is not None and (name is None or Path(name).exists()):
        owner = "the bundled model" if name is None else f"{name!r}, which is on this machine"
        raise AtlopError(f"--revision: got {revision!r} for {owner}; only models on the hub have revisions")
    from atlop.folder import find_folder

    return find_folder(name, revision)


def check_writable(path: Path) -> None:
    """Check that a file can be written, before any work is spent on its content.

    Raises:
        DataError: if it cannot be.
    """
    with _place_of(path):
        mode = _mode(path)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if stat.S_ISREG(mode):  # a temporary file beside it is written first
            with TemporaryFile(dir=path.resolve().parent):
                pass


@contextmanager
def _place_of(path: Path) -> Iterator[None]:
    """Turn an error about a path into one that names it."""
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", file=str(path)) from error
    except ValueError as error:
        raise DataError("cannot be written: the name contains a NUL", file=str(path)) from error


def _mode(path: Path) -> int:
    """Return the mode of a file; one that does not exist yet counts as a regular file."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return stat.S_IFREG


def check_empty(folder: Path) -> None:
    """Check that a folder can take a new model.

    Raises:
        AtlopError: if it exists and is not an empty folder, or a part of its path is a file.
    """
    with _place_of(folder):
        _mode(folder)
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if taken:
        raise AtlopError(f"{folder}: already exists and is not an empty folder; choose another --output")


def import_module(name: str) -> None:
    """Import a user's module, which may be in the current folder.

    Raises:
        AtlopError: if there is no module of that name, or importing it fails.
    """
    sys.path.insert(0, "")
    try:
        importlib.import_module(name)
    # It is the user's code, which may raise anything.
    except Exception as error:
        raise AtlopError(f"--import: module {name!r} cannot be imported: {reason(error)}") from error
    finally:
        sys.path.remove("")
