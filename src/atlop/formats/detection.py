"""Detection of the format of a file from its first bytes."""

from __future__ import annotations

import io
import re
from typing import Any, BinaryIO

from atlop.errors import DataError, got
from atlop.formats import pubtator
from atlop.formats.files import rejoined
from atlop.formats.json_list import elements
from atlop.formats.leaderboard import ZIP
from atlop.formats.records import BYTE_ORDER_MARK

_SNIFFED = 65_536
"""Number of bytes, blanks at the beginning aside, that are looked at."""
_FORMATS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(re.escape(ZIP) + rb"[\x03\x05]"), "leaderboard"),
    (re.compile(rb"\[\s*\[\s*[^\s\[]"), "triples"),
    (re.compile(rb"\["), "docred"),
    (re.compile(rb"\{"), "jsonl"),
    (pubtator.TITLE_LINE, "pubtator"),
    (re.compile(rb"[^\t\n]+\t"), "data"),
)
"""How files begin after any white space. None of the patterns can match a string in more than one way, so that matching
takes linear time."""
_BEGINNINGS = "docred ('['), jsonl ('{'), pubtator ('id|t|') or data (columns separated by tabs)"
_ENCODED = {
    b"\xff\xfe": "got UTF-16, expected UTF-8; convert the file first",
    b"\xfe\xff": "got UTF-16, expected UTF-8; convert the file first",
    b"\x1f\x8b": "got a gzip file, expected it decompressed; run gunzip first",
}


def sniff(file: io.BufferedIOBase) -> tuple[bytes, BinaryIO]:
    """Return the first bytes of an open file after any white space, and the file without a byte order mark.

    Raises:
        DataError: if the file is empty.
    """
    read = [file.read(_SNIFFED).removeprefix(BYTE_ORDER_MARK)]
    while not read[-1].strip():
        read.append(file.read(_SNIFFED))
        if not read[-1]:
            raise DataError("got an empty file, expected at least one document")
    beginning = b"".join(read)
    return beginning.lstrip(), rejoined(beginning, file)


def format_of(beginning: bytes) -> str:
    """Return the format of a file.

    Args:
        beginning: the first bytes, as :func:`sniff` returned them.

    Raises:
        DataError: if the format is unknown.
    """
    for signature, problem in _ENCODED.items():
        if beginning.startswith(signature):
            raise DataError(problem)
    name = next((name for pattern, name in _FORMATS if pattern.match(beginning)), None)
    if name is None:
        expected = f"expected documents with marked entities: {_BEGINNINGS}"
        found = f"got an unknown file format that begins with {got(beginning)}"
        raise DataError(f"{found}, {expected}; plain text has no marked entities")
    return "leaderboard" if name == "docred" and _is_fact(_first_element(beginning)) else name


def _first_element(beginning: bytes) -> Any:
    """Return the first element of a JSON list, or ``None`` if it is not complete."""
    try:
        return next(elements(io.BytesIO(beginning)), None)
    except DataError:
        return None


def _is_fact(element: Any) -> bool:
    return isinstance(element, dict) and "h_idx" in element and "sents" not in element
