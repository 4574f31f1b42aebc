"""The forms of export, by name, and the two functions that write them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from atlop.documents import Document
from atlop.errors import DataError, reason
from atlop.formats import write_pieces
from atlop.knowledge.extra import needed_for
from atlop.knowledge.graph import Graph

FORMS: Mapping[str, str] = MappingProxyType(
    {
        "turtle": "rdf:turtle",
        "ntriples": "rdf:ntriples",
        "jsonld": "rdf:jsonld",
        "graphml": "graphml:graphml",
        "neo4j": "neo4j:neo4j",
        "parquet": "parquet:parquet",
        "html": "page:html",
    }
)
"""The module and the function that make each form, by name of the form; imported when needed."""
FOLDERS = frozenset({"neo4j"})
"""The forms that are a folder of files."""


def write(documents: Iterable[Document], path: str | Path, form: str) -> None:
    """Merge documents, gold or predicted, and write the graph; no store is needed.

    Args:
        documents: the documents.
        path: the file, which is replaced at the end, or for the form ``neo4j`` a folder, which must be empty or new.
        form: one of ``FORMS``.

    Raises:
        DataError: if there is no such form, it cannot represent a document, two documents have the same title, or the
            file or the folder cannot be written.
        MissingExtraError: if a package that the form needs is not installed.
    """
    check_target(Path(path), form)
    write_graph(Graph.of_documents(documents), path, form)


def write_graph(graph: Graph, path: str | Path, form: str) -> None:
    """Write a graph; like :func:`write`.

    Args:
        graph: the graph.
        path: the file or, for the form ``neo4j``, the folder.
        form: one of ``FORMS``.

    Raises:
        DataError: if there is no such form, it cannot represent a document, or the file or folder cannot be written.
        MissingExtraError: if a package that the form needs is not installed.
    """
    target = Path(path)
    try:
        made = _maker(form)(graph)
        if form in FOLDERS:
            _write_folder(made, target)
        else:
            write_pieces(made, target)
    except DataError as error:
        raise error.inside(file=str(path)) from error


def _maker(form: str) -> Callable[[Graph], Any]:
    """Return the function that yields the pieces of a file or, for a folder, returns those of each of its files."""
    if form not in FORMS:
        raise DataError(f"got the form {form!r}, expected one of {', '.join(FORMS)}")
    module, name = FORMS[form].split(":")
    with needed_for(f"the form {form!r}"):
        maker: Callable[[Graph], Any] = getattr(import_module(f"atlop.knowledge.export.{module}"), name)
    return maker


def check_target(path: Path, form: str) -> None:
    """Check a form and its folder, before any work is spent on the content; a file is not checked here.

    Raises:
        DataError: if there is no such form, or the folder exists and is not an empty one or is the current one.
        MissingExtraError: if a package that the form needs is not installed.
    """
    try:
        _maker(form)
        if form in FOLDERS:
            _check_folder(path)
    except DataError as error:
        raise error.inside(file=str(path)) from error


def _check_folder(path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise DataError("is not an empty folder; choose a new one, as a folder is not replaced")
    if os.path.realpath(path) == os.path.realpath("."):
        raise DataError("is the current folder, which cannot be replaced; choose a new one")


def _write_folder(files: Mapping[str, Iterable[bytes]], target: Path) -> None:
    _check_folder(target)
    target = Path(os.path.realpath(target))
    partial = target.with_name(f".{uuid4().hex}.partial")
    try:
        partial.mkdir()
        for name, pieces in files.items():
            write_pieces(pieces, partial / name)
        partial.replace(target)
    except OSError as error:
        raise DataError(f"cannot be written: {reason(error)}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
