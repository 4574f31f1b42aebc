"""Reading and writing documents in any format.

Each format is a module with ``parse(file)``, which yields the documents and, in place of malformed ones, the errors
in them, and, if it can be written, ``dump(documents)``, which yields the bytes of the file piece by piece.
"""

from __future__ import annotations

import io
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Literal, get_args

from atlop.documents import Document, Relation
from atlop.errors import DataError
from atlop.formats import brat, doccano, docred, jsonl, labelstudio, leaderboard, pair_lines, pubtator
from atlop.formats import plain as plain_text
from atlop.formats.detection import TEXT, by_content, recognized, sniff
from atlop.formats.files import open_file, rejoined, unreadable, write_pieces
from atlop.formats.inclusive import warn_of_inclusive_ends
from atlop.formats.lifting import Lifting

OnError = Literal["raise", "skip"]
"""What to do about a malformed document: stop there, or report it and continue with the next."""
Parser = Callable[[BinaryIO], Iterator[Document | DataError]]
Dumper = Callable[[Iterable[Document]], Iterator[bytes]]

_PARSERS: Mapping[str, Parser] = {
    "docred": docred.parse,
    "jsonl": jsonl.parse,
    "pubtator": pubtator.parse,
    "data": pair_lines.parse,
}
_LIFTED = ("labelstudio", "doccano", "brat")
"""The formats of annotation tools, which relate mentions."""
_DUMPERS: Mapping[str, Dumper] = {
    "docred": docred.dump,
    "jsonl": jsonl.dump,
    "pubtator": pubtator.dump,
    "data": pair_lines.dump,
    "leaderboard": leaderboard.dump,
}
READABLE = (*_PARSERS, *_LIFTED)
"""The formats that :func:`read` takes."""
WRITABLE = tuple(_DUMPERS)
"""The formats that :func:`write` takes."""
SUFFIXES: Mapping[str, str] = {
    ".data": "data",
    ".json": "docred",
    ".jsonl": "jsonl",
    ".pubtator": "pubtator",
    ".txt": "pubtator",
    ".zip": "leaderboard",
}
"""The format to write for each suffix; case does not matter."""
READABLE_SUFFIXES = (brat.SUFFIX, *(suffix for suffix, form in SUFFIXES.items() if form in _PARSERS))
"""The suffixes of the formats that :func:`read` takes."""
_MENTIONS = {"docred": "vertexSet[{}][{}]", "jsonl": "entities[{}].mentions[{}]"}
"""How warnings refer to a mention in the formats that store its name beside its position."""
_NO_DOCUMENTS = {
    "leaderboard": leaderboard.NEEDS_DOCUMENTS,
    "triples": "got a list of [head name, tail name, relation], expected documents",
}


def read(
    path: str | Path,
    *,
    form: str | None = None,
    on_error: OnError = "raise",
    report: Callable[[DataError], object] | None = None,
    lifting: Lifting | None = None,
) -> list[Document]:
    """Read all documents of a file.

    Args:
        path: the file, or a folder of brat files.
        form: one of ``READABLE``; ``None`` detects the format from the content.
        on_error: ``skip`` reports a malformed document, leaves it out and continues.
        report: called with the error of each document that is left out; ``None`` issues a warning.
        lifting: how annotations of mentions, which annotation tools write, become entities.

    Raises:
        DataError: if the file cannot be read, or a document is malformed and ``on_error`` is ``raise``.
    """
    return list(stream(path, form=form, on_error=on_error, report=report, lifting=lifting))


def stream(
    path: str | Path,
    *,
    form: str | None = None,
    on_error: OnError = "raise",
    report: Callable[[DataError], object] | None = None,
    lifting: Lifting | None = None,
) -> Iterator[Document]:
    """Yield the documents of a file; like :func:`read`, but with only one of them in memory.

    Args:
        path: the file, or a folder of brat files.
        form: one of ``READABLE``; ``None`` detects the format from the content.
        on_error: ``skip`` reports a malformed document, leaves it out and continues.
        report: called with the error of each document that is left out; ``None`` issues a warning.
        lifting: how annotations of mentions, which annotation tools write, become entities.

    Raises:
        DataError: if the file cannot be read, or a document is malformed and ``on_error`` is ``raise``.
    """
    for part in brat.annotation_files(Path(path)):
        with open_file(part) as file:
            name = str(part)
            yield from stream_file(file, name=name, form=form, on_error=on_error, report=report, lifting=lifting)


def stream_file(
    file: io.BufferedIOBase,
    *,
    name: str,
    form: str | None = None,
    on_error: OnError = "raise",
    report: Callable[[DataError], object] | None = None,
    lifting: Lifting | None = None,
    plain: bool = False,
) -> Iterator[Document]:
    """Yield the documents of an open file, which may be a pipe; like :func:`stream`.

    Args:
        file: the bytes.
        name: the name of the file in error messages.
        form: one of ``READABLE``; ``None`` detects the format from the content.
        on_error: ``skip`` reports a malformed document, leaves it out and continues.
        report: called with the error of each document that is left out; ``None`` issues a warning.
        lifting: how annotations of mentions, which annotation tools write, become entities.
        plain: whether a file of no other format is read as plain text, which is a document without entities.

    Raises:
        DataError: if the file cannot be read, or a document is malformed and ``on_error`` is ``raise``.
    """
    if on_error not in get_args(OnError):
        raise DataError(f"got {on_error!r}, expected one of {', '.join(get_args(OnError))}", field="on_error")
    try:
        for document in _parsed(file, name, form, lifting or Lifting(), plain=plain):
            if isinstance(document, Document):
                yield document
            elif on_error == "raise":
                raise document
            else:
                (report or _warn)(document.inside(file=name))
    except DataError as error:
        raise error.inside(file=name) from error
    except (OSError, MemoryError) as error:
        raise unreadable(error, name) from error


def _warn(error: DataError) -> None:
    warnings.warn(f"left out: {error}", stacklevel=5)


def _parsed(
    file: io.BufferedIOBase, name: str, form: str | None, lifting: Lifting, *, plain: bool
) -> Iterator[Document | DataError]:
    form, content = _recognized(file, name, form, plain=plain)
    if form == TEXT:
        return plain_text.parse(content, path=Path(name), lifting=lifting)
    if form in _LIFTED:
        return _lifted(content, name, form, lifting)
    documents = _PARSERS[form](content)
    if form not in _MENTIONS:
        return documents
    return warn_of_inclusive_ends(documents, file=name, place=_MENTIONS[form])


def _lifted(file: BinaryIO, name: str, form: str, lifting: Lifting) -> Iterator[Document | DataError]:
    if form == "brat":
        return brat.parse(file, path=Path(name), lifting=lifting)
    parse = doccano.parse if form == "doccano" else labelstudio.parse
    return parse(file, lifting=lifting)


def _recognized(
    file: io.BufferedIOBase, name: str, form: str | None, *, plain: bool = False
) -> tuple[str, io.BufferedReader]:
    """Return the format in which to read a file, and the file from its beginning."""
    known = (*READABLE, TEXT) if plain else READABLE
    if form is not None and form not in known and form not in _NO_DOCUMENTS:
        raise DataError(f"got the format {form!r}, expected one of {', '.join(known)}")
    if form == "brat" or (form is None and brat.is_annotation(name)):
        return "brat", rejoined(b"", file)  # the file of a text without annotations is empty
    form, content = (form, sniff(file)[1]) if form else by_content(file, plain=plain)
    if form in _NO_DOCUMENTS:
        raise DataError(_NO_DOCUMENTS[form])
    return form, content


def check_input(path: str | Path, *, form: str | None = None, plain: bool = False) -> None:
    """Check from its first bytes that a file contains documents; a pipe is left alone, as it can be read only once.

    Args:
        path: the file.
        form: the format in which it will be read; ``None`` detects it from the content.
        plain: whether it may be plain text.

    Raises:
        DataError: if :func:`read` would fail before the first document.
    """
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            part = brat.annotation_files(Path(path))[0]
            with open_file(part) as file:
                _recognized(file, str(part), form, plain=plain)
    except DataError as error:
        raise error.inside(file=str(path)) from error
    except (OSError, ValueError) as error:
        raise unreadable(error, str(path)) from error


def read_predictions(path: str | Path) -> list[Document] | dict[str, tuple[Relation, ...]]:
    """Read predictions for :func:`~atlop.evaluation.evaluate`: documents in any format, or facts by title.

    Args:
        path: the file, which may be a pipe, or a folder of brat files; the format is detected from the content.

    Raises:
        DataError: if the file contains neither.
    """
    if Path(path).is_dir():
        return read(path)
    with recognized(path) as (form, file):
        if form == "leaderboard":
            return leaderboard.submission_in(file)
        return list(stream_file(file, name=str(path), form=form))


def write(documents: Iterable[Document], path: str | Path, *, form: str | None = None) -> None:
    """Write documents to a file; an existing file is replaced after the last document and stays as it is until then.

    Args:
        documents: gold or predicted; they may be read from the same file.
        path: the file.
        form: one of ``WRITABLE``; ``None`` chooses the format by the suffix, see ``SUFFIXES``. The leaderboard format
            is zipped if the suffix is ``.zip``.

    Raises:
        DataError: if the file cannot be written, or the format cannot represent a document.
    """
    target = Path(path)
    try:
        form = form or format_of_suffix(target)
        zipped = form == "leaderboard" and target.suffix.lower() == ".zip"
        write_pieces(leaderboard.dump_zip(documents) if zipped else encode(documents, form=form), target)
    except DataError as error:
        raise error.inside(file=str(path)) from error


def encode(documents: Iterable[Document], *, form: str) -> Iterator[bytes]:
    """Return an iterator over the bytes of a file of documents, for example to write to standard output.

    Args:
        documents: gold or predicted.
        form: one of ``WRITABLE``.

    Raises:
        DataError: if the format is unknown or cannot represent a document.
    """
    if form not in _DUMPERS:
        raise DataError(f"got the format {form!r}, expected one of {', '.join(WRITABLE)}")
    return _DUMPERS[form](documents)


def format_of_suffix(path: str | Path) -> str:
    """Return the format of files with the suffix of a path.

    Raises:
        DataError: if no format has this suffix.
    """
    suffix = Path(path).suffix
    if suffix.lower() not in SUFFIXES:
        raise DataError(f"got the suffix {suffix!r}, expected one of {', '.join(SUFFIXES)}, or an explicit format")
    return SUFFIXES[suffix.lower()]
