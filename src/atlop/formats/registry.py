"""Reading and writing documents in any form: the form told by content or by suffix, errors told with the file.

Each form is a module with ``parse(file)``, which gives documents and, in their place, the errors of those that are
malformed, and ``dump(documents)``, which gives the bytes of the file piece by piece.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Literal

from atlop.documents import Document
from atlop.errors import DataError, got
from atlop.formats import docred, jsonl, leaderboard, pair_lines, pubtator
from atlop.formats.files import open_file, rejoined, unreadable, write_pieces

OnError = Literal["raise", "skip"]
"""What to do about a malformed document: stop there, or report it and carry on with the next."""
Parser = Callable[[BinaryIO], Iterator[Document | DataError]]
Dumper = Callable[[Iterable[Document]], Iterator[bytes]]

_PARSERS: Mapping[str, Parser] = {
    "docred": docred.parse,
    "jsonl": jsonl.parse,
    "pubtator": pubtator.parse,
    "data": pair_lines.parse,
}
_DUMPERS: Mapping[str, Dumper] = {
    "docred": docred.dump,
    "jsonl": jsonl.dump,
    "pubtator": pubtator.dump,
    "data": pair_lines.dump,
    "leaderboard": leaderboard.dump,
}
READABLE = tuple(_PARSERS)
"""The forms that :func:`read` takes."""
WRITABLE = tuple(_DUMPERS)
"""The forms that :func:`write` takes."""
SUFFIXES = {
    ".data": "data",
    ".json": "docred",
    ".jsonl": "jsonl",
    ".pubtator": "pubtator",
    ".txt": "pubtator",
    ".zip": "leaderboard",
}
"""The format that a suffix stands for."""
READABLE_SUFFIXES = tuple(suffix for suffix, form in SUFFIXES.items() if form in _PARSERS)
"""What the names of files that :func:`read` takes usually end in."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CONTENTS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"PK\x03\x04"), "leaderboard"),
    (re.compile(rb"\s*\["), "docred"),
    (re.compile(rb"\s*\{"), "jsonl"),
    (re.compile(rb"\s*" + pubtator.TITLE_LINE.pattern), "pubtator"),
    (re.compile(rb"\s*[^\t\n]+\t"), "data"),
)
"""How the files of each form begin."""
_BEGINNINGS = "'[' (docred), '{' (jsonl), 'id|t|' (pubtator) or columns split by tabs (data)"
_SNIFFED = 65_536
"""Bytes that are looked at to tell the form."""


def read(
    path: str | Path,
    *,
    form: str | None = None,
    on_error: OnError = "raise",
    report: Callable[[DataError], object] | None = None,
) -> list[Document]:
    """Read all documents of a file.

    Args:
        path: the file.
        form: one of ``READABLE``; ``None`` tells the form by the content.
        on_error: ``skip`` leaves a malformed document out, reports it and carries on.
        report: is called with the error of every document left out; ``None`` warns.

    Raises:
        DataError: if the file cannot be read, or a document is malformed and ``on_error`` is ``raise``.
    """
    return list(stream(path, form=form, on_error=on_error, report=report))


def stream(
    path: str | Path,
    *,
    form: str | None = None,
    on_error: OnError = "raise",
    report: Callable[[DataError], object] | None = None,
) -> Iterator[Document]:
    """Read the documents of a file one by one; like :func:`read`, but no more than one of them is in memory.

    Args:
        path: the file.
        form: one of ``READABLE``; ``None`` tells the form by the content.
        on_error: ``skip`` leaves a malformed document out, reports it and carries on.
        report: is called with the error of every document left out; ``None`` warns.

    Raises:
        DataError: if the file cannot be read, or a document is malformed and ``on_error`` is ``raise``.
    """
    with open_file(Path(path)) as file:
        yield from stream_file(file, name=str(path), form=form, on_error=on_error, report=report)


def stream_file(
    file: io.BufferedIOBase,
    *,
    name: str,
    form: str | None = None,
    on_error: OnError = "raise",
    report: Callable[[DataError], object] | None = None,
) -> Iterator[Document]:
    """Read the documents of an open file, which may be a pipe, one by one; like :func:`stream`.

    Args:
        file: the bytes.
        name: what errors call the file.
        form: one of ``READABLE``; ``None`` tells the form by the content.
        on_error: ``skip`` leaves a malformed document out, reports it and carries on.
        report: is called with the error of every document left out; ``None`` warns.

    Raises:
        DataError: if the file cannot be read, or a document is malformed and ``on_error`` is ``raise``.
    """
    try:
        parser, content = _recognised(file, form)
        for document in parser(content):
            if isinstance(document, Document):
                yield document
            elif on_error == "raise":
                raise document
            else:
                (report or _warn)(document.inside(file=name))
    except DataError as error:
        raise error.inside(file=name) from error
    except OSError as error:
        raise unreadable(error, name) from error


def _warn(error: DataError) -> None:
    warnings.warn(f"left out: {error}", stacklevel=5)


def _recognised(file: io.BufferedIOBase, form: str | None) -> tuple[Parser, BinaryIO]:
    """Choose how to read a file, and give it from the first byte to parse on."""
    beginning = file.read(_SNIFFED).removeprefix(_BYTE_ORDER_MARK)
    if not beginning.strip():
        raise DataError("got an empty file, expected at least one document")
    form = form or detect(beginning)
    if form == "leaderboard":
        raise DataError(leaderboard.NEEDS_DOCUMENTS)
    if form not in _PARSERS:
        raise DataError(f"got the form {form!r}, expected one of {', '.join(READABLE)}")
    return _PARSERS[form], rejoined(beginning, file)


def detect(beginning: bytes) -> str:
    """Return the format of a file that begins like this.

    Raises:
        DataError: if it is none of them.
    """
    beginning = beginning.removeprefix(_BYTE_ORDER_MARK)
    for pattern, form in _CONTENTS:
        if pattern.match(beginning):
            return form
    raise DataError(f"got a file of unknown form that begins with {got(beginning)}, expected {_BEGINNINGS}")


def write(
    documents: Iterable[Document],
    path: str | Path,
    *,
    form: str | None = None,
    readable: Mapping[str, str] | None = None,
) -> None:
    """Write documents to a file, all or nothing: until the last is written, what stood there before stays.

    Args:
        documents: gold or predicted; they may be read from the same file.
        path: the file.
        form: one of ``WRITABLE``; ``None`` goes by the suffix: ``.jsonl``, ``.json`` (docred), ``.pubtator`` or
            ``.txt`` (pubtator), ``.data``, ``.zip`` (leaderboard, which is zipped if the suffix says so).
        readable: a name for people for some or all relations, which JSONL shows beside the relation's own.

    Raises:
        DataError: if the file cannot be written, or the form cannot hold a document.
    """
    target = Path(path)
    try:
        form = form or _form_of_suffix(target)
        zipped = form == "leaderboard" and target.suffix.lower() == ".zip"
        pieces = leaderboard.dump_zip(documents) if zipped else encode(documents, form=form, readable=readable)
        write_pieces(pieces, target)
    except DataError as error:
        raise error.inside(file=str(path)) from error


def encode(documents: Iterable[Document], *, form: str, readable: Mapping[str, str] | None = None) -> Iterator[bytes]:
    """Give the bytes of a file of documents piece by piece, such as for the standard output.

    Args:
        documents: gold or predicted.
        form: one of ``WRITABLE``.
        readable: a name for people for some or all relations, which JSONL shows beside the relation's own.

    Raises:
        DataError: if the form is unknown, or cannot hold a document.
    """
    if form not in _DUMPERS:
        raise DataError(f"got the form {form!r}, expected one of {', '.join(WRITABLE)}")
    return jsonl.dump(documents, readable=readable) if form == "jsonl" else _DUMPERS[form](documents)


def _form_of_suffix(path: Path) -> str:
    form = SUFFIXES.get(path.suffix.lower())
    if form is None:
        expected = f"expected one of {', '.join(SUFFIXES)}, or the form to be given"
        raise DataError(f"got a file name with the suffix {path.suffix!r}, {expected}")
    return form
