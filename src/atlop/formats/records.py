"""From the bytes of a file to its records, and what every form of file refuses in the same words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, TypeVar

from atlop.documents import Document
from atlop.errors import DataError

Record = TypeVar("Record")
_NUMBER = re.compile(r"[0-9]{1,9}")


def decode(raw: bytes) -> str:
    """Read bytes as UTF-8.

    Raises:
        DataError: if they are not.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(error) from error


def not_utf8(error: UnicodeDecodeError, *, start: int = 0) -> DataError:
    """Make the error that names the byte at which bytes, which begin at a place of a file, are not UTF-8."""
    found, place = error.object[error.start], start + error.start
    return DataError(f"got the byte 0x{found:02x} at byte {place}, expected a text in UTF-8")


def to_bytes(text: str, *, document: Document) -> bytes:
    """Write a text as UTF-8.

    Raises:
        DataError: if it holds half of a surrogate pair, which UTF-8 cannot hold.
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        problem = f"got the character {text[error.start]!r}, expected characters that UTF-8 can hold"
        raise DataError(problem, document=document.title) from error


def json_bytes(value: Any) -> bytes:
    r"""Write JSON as UTF-8; half a surrogate pair becomes the escape ``\udxxx`` that JSON has for it."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def parse_json(raw: bytes, *, line: int = 1) -> Any:
    """Read one JSON text.

    Args:
        raw: the bytes.
        line: the line of the file in which the text begins.

    Raises:
        DataError: if the text breaks off or is no JSON; it names the line and the column.
    """
    try:
        return json.loads(decode(raw))
    except json.JSONDecodeError as error:
        raise broken_json(error.msg, line=line + error.lineno - 1, column=error.colno) from error
    except (RecursionError, ValueError) as error:
        raise unreadable_json(error) from error


def broken_json(reason: str, *, line: int, column: int) -> DataError:
    """Make the error that says where a text is no JSON."""
    place = f"line {line}, column {column}"
    return DataError(f"got broken JSON at {place} ({reason}), expected a whole JSON text; is the file cut short?")


def unreadable_json(error: Exception) -> DataError:
    """Make the error for JSON that is right but more than Python takes, such as lists nested thousands deep."""
    return DataError(f"got JSON that cannot be read ({error}), expected a JSON text")


def numbered_lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Give the lines that are not blank with their numbers from 1 on, without the line end."""
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield number, line.rstrip(b"\r\n")


def build_each(
    records: Iterable[tuple[int, Record]], build: Callable[[int, Record], Document], *, place: str = "line {}"
) -> Iterator[Document | DataError]:
    """Build a document of each record, or give the error where it cannot be, so that the next still comes.

    Args:
        records: a number and a record, each.
        build: makes the document of the number and the record.
        place: how an error names a record whose title is not known.
    """
    for number, record in records:
        try:
            yield build(number, record)
        except DataError as error:
            yield error.inside(document=place.format(number))


def is_number(column: str) -> bool:
    """Tell whether a column holds a whole number that can be an offset or an index."""
    return _NUMBER.fullmatch(column) is not None


def cell(value: str, *, document: Document, field: str, forbidden: str = "") -> str:
    """Give a text back that is to stand in a column of a file.

    Args:
        value: the text.
        document: the document that holds it.
        field: its field in the document.
        forbidden: what the form uses as separators beside the tab and the line ends.

    Raises:
        DataError: if the text holds a separator.
    """
    found = next((character for character in value if character in f"\t\r\n{forbidden}"), None)
    if found is not None:
        problem = f"got {value!r}, expected no {found!r} in it, as that separates the fields of this form"
        raise DataError(problem, document=document.title, field=field)
    return value
