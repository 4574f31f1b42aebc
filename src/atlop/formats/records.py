"""From the bytes of a file to its records, and the checks that all formats share."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, TypeVar

from atlop.documents import Document
from atlop.documents.fields import json_object
from atlop.errors import DataError, got

Record = TypeVar("Record")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some programs write at the beginning of a UTF-8 file; it is ignored."""
_NUMBER = re.compile(r"[0-9]{1,9}")


def decode(raw: bytes) -> str:
    """Decode bytes as UTF-8.

    Raises:
        DataError: if they are not valid UTF-8.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise not_utf8(error) from error


def not_utf8(error: UnicodeDecodeError, *, start: int = 0) -> DataError:
    """Build the error for invalid UTF-8.

    Args:
        error: what decoding raised.
        start: the offset in the file of the bytes that were decoded.
    """
    found, place = error.object[error.start], start + error.start
    return DataError(f"got the byte 0x{found:02x} at offset {place}, expected UTF-8")


def json_bytes(value: Any) -> bytes:
    """Encode a value as JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode()


def parse_json(raw: bytes, *, line: int = 1) -> Any:
    """Parse a JSON value.

    Args:
        raw: the bytes.
        line: the number of the line in which they begin.

    Raises:
        DataError: if the bytes are not valid JSON or break off; it names the line and the column.
    """
    try:
        return json.loads(decode(raw), object_pairs_hook=json_object)
    except json.JSONDecodeError as error:
        raise broken_json(error.msg, line=line + error.lineno - 1, column=error.colno) from error
    except (RecursionError, ValueError) as error:
        raise unreadable_json(error) from error


def broken_json(reason: str, *, line: int, column: int) -> DataError:
    """Build the error for invalid JSON."""
    place = f"line {line}, column {column}"
    return DataError(f"got invalid JSON at {place} ({reason}), expected a complete JSON value; is the file truncated?")


def unreadable_json(error: Exception) -> DataError:
    """Build the error for JSON that Python cannot parse: nested too deeply, or with a number of too many digits."""
    nested = isinstance(error, RecursionError)
    return DataError(f"got JSON {'nested too deeply' if nested else 'with an integer of too many digits'} to be read")


def numbered_lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the number, from 1, of each line that is not blank, and the line without its end."""
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield number, line.rstrip(b"\r\n")


def build_each(
    records: Iterable[tuple[int, Record]], build: Callable[[int, Record], Document], *, place: str = "line {}"
) -> Iterator[Document | DataError]:
    """Build a document from each record; yield the error where this fails, so that the next record can follow.

    Args:
        records: the records with their numbers.
        build: builds the document from the number and the record.
        place: how errors refer to a record without a title.
    """
    for number, record in records:
        try:
            yield build(number, record)
        except DataError as error:
            yield error.inside(document=place.format(number))
        except RecursionError as error:
            yield unreadable_json(error).inside(document=place.format(number))


def is_number(column: str) -> bool:
    """Return whether a column holds a non-negative integer of at most nine digits, such as an offset or an index."""
    return _NUMBER.fullmatch(column) is not None


def cell(value: str, *, document: Document, field: str, forbidden: str = "") -> str:
    """Check that a string can be written to a column of a file, and return it.

    Args:
        value: the string.
        document: the document that it belongs to.
        field: its field in the document.
        forbidden: the separators of the format besides tabs and line ends.

    Raises:
        DataError: if the string contains a separator.
    """
    found = next((character for character in value if character in f"\t\r\n{forbidden}"), None)
    if found is not None:
        problem = f"got {got(value)}, expected no {found!r} in it, which separates fields in this format"
        raise DataError(problem, document=document.title, field=field)
    return value
