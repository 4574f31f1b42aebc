"""brat standoff: annotations in ``NAME.ann`` of the text in ``NAME.txt`` beside it; ``NAME`` is the title.

    T1 <tab> type start end <tab> mention
    R1 <tab> relation Arg1:T1 Arg2:T2
    * <tab> Equiv T1 T2 ...

A mention may have several parts, as in ``type 0 5;9 12``. The first argument of a relation is its head. Events are left
out, and so are their triggers and their relations. Attributes, normalizations and notes are ignored; a warning reports
attributes of relations, as an attribute may negate a relation.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from atlop.documents import Document
from atlop.documents.fields import Field
from atlop.errors import DataError, got, shown
from atlop.formats.files import open_file
from atlop.formats.lifting import Lifting, MarkedText, lift
from atlop.formats.records import BYTE_ORDER_MARK, build_each, decode, is_number, numbered_lines

SUFFIX = ".ann"
"""The suffix of files of annotations."""
_KINDS = ("T", "R", "*", "E", "A", "M", "N", "#")
"""How identifiers begin, which depends on the kind of annotation."""
_PLAIN = Lifting()


def annotation_files(path: Path) -> list[Path]:
    """Return the annotation files in a folder, sorted by name, without hidden ones; any other path as it is."""
    try:
        names = [part.name for part in path.iterdir()] if path.is_dir() else []
    except OSError:  # opening the path will report why
        return [path]
    inside = sorted(name for name in names if is_annotation(name) and not name.startswith("."))
    return [path / name for name in inside] or [path]


def is_annotation(name: str) -> bool:
    """Return whether a file is one of annotations, by its name; case does not matter."""
    return name.lower().endswith(SUFFIX)


def parse(file: BinaryIO, *, path: Path, lifting: Lifting = _PLAIN) -> Iterator[Document | DataError]:
    """Read a file of annotations; yield its document, or the error in it.

    Args:
        file: the annotations.
        path: the path of the file; the text is in the file of the same name that ends in ``.txt``.
        lifting: how annotations of mentions become entities.
    """
    lines = io.BytesIO(file.read().removeprefix(BYTE_ORDER_MARK))
    return build_each([(0, lines)], lambda _, file: _document(path, file, lifting), place=path.stem)


def _text(path: Path) -> str:
    """Return the text that a file of annotations is about."""
    text_path = path.with_suffix(".txt")
    if not text_path.exists():
        raise DataError(f"got no {text_path.name!r} beside it, expected the text that it annotates")
    with open_file(text_path) as file:
        try:
            return decode(file.read())
        except DataError as error:
            raise error.inside(file=str(text_path)) from error


def _document(path: Path, file: BinaryIO, lifting: Lifting) -> Document:
    marked = MarkedText(path.stem, _text(path))
    rows = [_row(marked.title, number, line) for number, line in numbered_lines(file)]
    for row in _of_kind(rows, "E"):
        _leave_out(marked, row)
    for row in _of_kind(rows, "T"):
        if row.value[0] not in marked.left_out:
            _mark(marked, row)
    for row in _of_kind(rows, "*"):
        _join(marked, row)
    for row in _of_kind(rows, "R"):
        _relate(marked, row, lifting)
    for row in _of_kind(rows, "AM"):
        _note(marked, row)
    return lift(marked, lifting)


def _row(title: str, number: int, line: bytes) -> Field:
    row = Field(decode(line).split("\t"), f"line {number}", title)
    if not row.value[0].startswith(_KINDS):
        raise row.error(f"got {got(row.value[0])}, expected an annotation, which begins with one of {' '.join(_KINDS)}")
    return row


def _of_kind(rows: list[Field], kinds: str) -> list[Field]:
    return [row for row in rows if row.value[0].startswith(tuple(kinds))]


def _column(row: Field) -> str:
    if len(row.value) < 2:
        raise row.error(f"got the columns {got(row.value)}, expected an identifier and an annotation")
    return str(row.value[1])


def _leave_out(marked: MarkedText, event: Field) -> None:
    trigger = _column(event).split()[:1]
    marked.left_out.update([event.value[0], *(part.rpartition(":")[2] for part in trigger)])
    marked.note("event", "left out, triggers included")


def _mark(marked: MarkedText, row: Field) -> None:
    label, _, place = _column(row).partition(" ")
    parts = [part.split(" ") for part in place.split(";")]
    if len(row.value) < 3 or not all(len(part) == 2 and all(map(is_number, part)) for part in parts):
        raise row.error(f"got the columns {got(row.value)}, expected a mention: identifier, type start end, text")
    spans = [(int(start), int(end)) for start, end in parts]
    found = " ".join(marked.text[start:end] for start, end in spans)
    if found.split() != row.value[2].split():
        problem = f"got the mention {shown(row.value[2])} at {place}, where the text reads {shown(found)}"
        raise row.error(f"{problem}, expected the same")
    if any(marked.text[end:start].strip() for (_, end), (start, _) in pairwise(spans)):
        marked.note("mention", "of several parts: read from the first to the last")
    row.build(marked.mark, key=row.value[0], start=spans[0][0], end=spans[-1][1], label=label)


def _join(marked: MarkedText, row: Field) -> None:
    for one, other in pairwise(_column(row).split()[1:]):
        row.build(marked.join, one=one, other=other)


def _note(marked: MarkedText, attribute: Field) -> None:
    if any(of.startswith("R") for of in _column(attribute).split()[1:2]):
        marked.note("attribute", "of relations: ignored")


def _relate(marked: MarkedText, row: Field, lifting: Lifting) -> None:
    name, *arguments = _column(row).split()
    if len(arguments) != 2 or not all(":" in argument for argument in arguments):
        raise row.error(f"got {got(row.value[1])}, expected a relation: name Arg1:T1 Arg2:T2")
    head, tail = (argument.rpartition(":")[2] for argument in arguments)
    row.build(marked.relate, head=head, tail=tail, name=name, lifting=lifting)
