"""Detection of the format of a file from its first bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from atlop.errors import DataError, got
from atlop.formats import brat, pubtator
from atlop.formats.files import open_file, rejoined, unreadable
from atlop.formats.leaderboard import ZIP
from atlop.formats.records import BYTE_ORDER_MARK

_SNIFFED = 65_536
"""Number of bytes that are examined, more in JSONL with a longer first line; blank blocks of this size are skipped."""
_FORMATS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(re.escape(ZIP) + rb"[\x03\x05]"), "leaderboard"),
    (re.compile(rb"\[\s*\[\s*[^\s\[]"), "triples"),
    (re.compile(rb"\["), "docred"),
    (re.compile(rb"\{"), "jsonl"),
    (pubtator.TITLE_LINE, "pubtator"),
    (re.compile(rb"T\d+\t\S+ \d+ \d+[\t;]|[*REAMN]\d*\t\S+ (?:\S+:)?[TRE]\d|#\d+\t"), "brat"),
    (re.compile(rb"[^\t\n]+\t"), "data"),
)
"""How files begin after any white space. None of the patterns can match a string in more than one way, so that matching
takes linear time."""
_BEGINNINGS = (
    "docred or labelstudio ('['), jsonl or doccano ('{'), pubtator ('id|t|'), brat ('T1' and a tab) "
    "or data (columns separated by tabs)"
)
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}:]', re.DOTALL)
"""The tokens from which the structure of JSON is recognized; a string may be cut off."""
TEXT = "text"
"""The format of plain text, which has no entities yet."""
_MARKED = re.compile(
    rb"\[\s*(?:[{\[]|\]\s*\Z)|\{\s*(?:\"|\}\s*\Z)|"
    + b"|".join(pattern.pattern for pattern, name in _FORMATS if name in ("pubtator", "brat"))
)
"""How files that are not plain text begin; plain text may begin with a bracket, or have a tab in its first line."""
_ENCODED = {
    b"\xff\xfe": "got UTF-16, expected UTF-8; convert the file first",
    b"\xfe\xff": "got UTF-16, expected UTF-8; convert the file first",
    b"\x1f\x8b": "got a gzip file, expected it decompressed; run gunzip first",
}


@contextmanager
def recognized(path: str | Path) -> Iterator[tuple[str, io.BufferedReader]]:
    """Open a file, which may be a pipe, and yield its format, as :func:`detect` returns it, and its bytes.

    Raises:
        DataError: naming the file, if it cannot be read, is empty, or its format is unknown.
    """
    part = brat.annotation_files(Path(path))[0]
    try:
        with open_file(part) as file:
            yield by_content(file) if not brat.is_annotation(part.name) else ("brat", rejoined(b"", file))
    except DataError as error:
        raise error.inside(file=str(path)) from error
    except (OSError, MemoryError) as error:
        raise unreadable(error, str(path)) from error


def detect(path: str | Path) -> str:
    """Return the format of a file, detected from its first bytes, or of a folder of brat files.

    Returns:
        One of ``READABLE``, or ``leaderboard``, or ``triples`` for a list of [head name, tail name, relation].

    Raises:
        DataError: if the file cannot be read, is empty, or its format is unknown.
    """
    with recognized(path) as (form, _):
        return form


def by_content(file: io.BufferedIOBase, *, plain: bool = False) -> tuple[str, io.BufferedReader]:
    """Return the format of an open file, detected from its first bytes, and the file from its beginning.

    Args:
        file: the bytes.
        plain: whether a file of no other format is plain text.

    Raises:
        DataError: if the file is empty, or its format is unknown.
    """
    beginning, content = sniff(file)
    return format_or_text(beginning) if plain else format_of(beginning), content


def sniff(file: io.BufferedIOBase) -> tuple[bytes, io.BufferedReader]:
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
    if beginning.lstrip().startswith(b"{") and b"\n" not in beginning.lstrip():
        beginning += file.readline()  # the keys that tell the format may come after a long text
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
        raise DataError(f"{found}, {expected}; plain text has no marked entities, atlop extract finds them")
    return _of_objects(name, _first_keys(beginning)) if name in ("docred", "jsonl") else name


def format_or_text(beginning: bytes) -> str:
    """Return the format of a file; one that does not clearly begin like another format is plain text.

    Args:
        beginning: the first bytes, as :func:`sniff` returned them.

    Raises:
        DataError: if it is UTF-16 or compressed, unless it is a zip of leaderboard format.
    """
    encoded = beginning.startswith((*_ENCODED, ZIP + b"\x03", ZIP + b"\x05"))  # as text may begin with PK
    return format_of(beginning) if encoded or _MARKED.match(beginning) else TEXT


def _of_objects(name: str, keys: set[bytes]) -> str:
    """Return the format of a file of JSON objects, of which the first has these keys."""
    if name == "jsonl":
        return "doccano" if b"text" in keys and keys.isdisjoint({b"sentences", b"offsets"}) else name
    if b"sents" in keys:
        return name
    return "leaderboard" if b"h_idx" in keys else "labelstudio" if b"annotations" in keys else name


def _first_keys(beginning: bytes) -> set[bytes]:
    """Return the keys of the first object in JSON, as far as it was read."""
    depth, last, keys = 0, b"", set[bytes]()
    for match in _TOKEN.finditer(beginning, beginning.find(b"{")):
        token = match.group()
        depth += (token in b"{[") - (token in b"}]")
        if not depth:
            break
        if token == b":" and depth == 1:
            keys.add(last.strip(b'"'))
        last = token
    return keys
