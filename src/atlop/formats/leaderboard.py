"""DocRED's leaderboard file: facts with ``title``, ``h_idx``, ``t_idx``, ``r`` and optionally ``evidence``.

The file is a list of facts without their documents. :func:`read_submission` returns the facts by title, including those
of titles that no gold document has; :func:`~atlop.evaluation.evaluate` takes this mapping as predictions.
:func:`attach` adds the facts to their documents. The format does not store confidences.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from atlop.documents import Document, Relation
from atlop.documents.fields import Field
from atlop.errors import DataError, reason, shown
from atlop.formats.files import open_file, rejoined, unreadable
from atlop.formats.json_list import elements
from atlop.formats.records import BYTE_ORDER_MARK, json_bytes

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MEMBER = "result.json"
"""Name of the only file in the zip that the leaderboard takes."""
LARGEST_MEMBER = 1 << 26
"""Maximum uncompressed size of that file in bytes (64 MiB, over half a million facts)."""
ZIP = b"PK"
"""The first bytes of a zip."""
_DAMAGED = zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OverflowError, OSError
"""What reading a damaged or encrypted zip raises."""
NEEDS_DOCUMENTS = (
    "got facts in leaderboard format, expected documents; read them with read_submission() "
    "and join them to their documents with attach()"
)
"""The error of reading this format as documents."""


def read_submission(path: str | Path) -> dict[str, tuple[Relation, ...]]:
    """Read the facts of a leaderboard file by title; only the first of repeated facts is kept.

    Args:
        path: a JSON file, or a zip that contains ``result.json``; detected from the content.

    Raises:
        DataError: if the file cannot be read or does not have the leaderboard format.
    """
    try:
        with open_file(Path(path)) as file:
            return submission_in(file)
    except DataError as error:
        raise error.inside(file=str(path)) from error
    except (OSError, MemoryError) as error:
        raise unreadable(error, str(path)) from error


def submission_in(file: io.BufferedReader) -> dict[str, tuple[Relation, ...]]:
    """Read the facts of an open leaderboard file, which may be a pipe; like :func:`read_submission`.

    Raises:
        DataError: if the file does not have the leaderboard format.
    """
    # A zip is read from its end on.
    with _json_file(file if file.seekable() else io.BufferedReader(io.BytesIO(file.read()))) as content:
        return _facts(content)


def attach(submission: Mapping[str, tuple[Relation, ...]], documents: Iterable[Document]) -> list[Document]:
    """Return the documents with the relations of their titles in place of their own.

    Args:
        submission: what :func:`read_submission` returned.
        documents: documents with the sentences and entities, such as the gold ones.

    Raises:
        DataError: if a title is unknown or belongs to two documents, or an index is out of range.
    """
    documents = list(documents)
    counts = Counter(document.title for document in documents)
    repeated = next((title for title, count in counts.items() if count > 1), None)
    if repeated is not None:
        raise _repeated(repeated, counts[repeated])
    unknown = next((title for title in submission if title not in counts), None)
    if unknown is not None:
        problem = "got facts for a title that none of the documents has, expected those of the predicted documents"
        raise DataError(problem, document=unknown)
    return [document.with_relations(submission.get(document.title, ())) for document in documents]


def _repeated(title: str, count: int) -> DataError:
    problem = f"got {count} documents with this title, expected one, as facts are matched by title"
    return DataError(problem, document=title)


@contextmanager
def _json_file(file: io.BufferedReader) -> Iterator[BinaryIO]:
    """Open the JSON in a file, which may be a zip; a byte order mark is skipped."""
    if not file.peek(len(ZIP)).startswith(ZIP):
        yield _without_mark(file)
        return
    try:
        with zipfile.ZipFile(file) as archive, archive.open(_member(archive)) as member:
            yield _without_mark(io.BufferedReader(_Limited(member)))
    except _DAMAGED as error:
        problem = f"got a zip that cannot be read ({reason(error)}), expected an intact one without a password"
        raise DataError(problem) from error


def _without_mark(file: io.BufferedIOBase) -> BinaryIO:
    return rejoined(file.read(len(BYTE_ORDER_MARK)).removeprefix(BYTE_ORDER_MARK), file)


def _member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    names = archive.namelist()
    if MEMBER not in names:
        found = ", ".join(map(shown, names[:5])) + (", ..." if len(names) > 5 else "")
        raise DataError(f"got a zip that contains {found or 'nothing'}, expected {MEMBER} in it")
    member = archive.getinfo(MEMBER)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"got {MEMBER} compressed by method {member.compress_type}, expected deflate")
    return member


class _Limited(io.RawIOBase):
    """A file inside a zip that may not be larger than :data:`LARGEST_MEMBER`, whatever size the zip states."""

    def __init__(self, file: Any) -> None:
        self._file, self._left = file, LARGEST_MEMBER

    def readable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read a block."""
        count: int = self._file.readinto(buffer)
        self._left -= count
        if self._left < 0:
            limit = f"{LARGEST_MEMBER >> 20} MiB"
            raise DataError(f"got more than {limit} in {MEMBER} uncompressed, expected at most {limit}; unzip it first")
        return count


def _facts(file: BinaryIO) -> dict[str, tuple[Relation, ...]]:
    facts: dict[str, dict[tuple[int, int, str], Relation]] = {}
    for i, row in enumerate(elements(file, of="facts")):
        stored = Field(row, f"[{i}]")
        title, relation = stored["title"].string(), _relation(stored)
        facts.setdefault(title, {}).setdefault(relation.fact, relation)
    return {title: tuple(relations.values()) for title, relations in facts.items()}


def _relation(row: Field) -> Relation:
    evidence = row.get("evidence")
    return row.build(
        Relation,
        keys={"head": "h_idx", "tail": "t_idx", "relation": "r"},
        head=row["h_idx"].value,
        tail=row["t_idx"].value,
        relation=row["r"].value,
        evidence=None if evidence is None else tuple(evidence.elements()),
    )


def dump(documents: Iterable[Document]) -> Iterator[bytes]:
    """Write the relations of documents in leaderboard format, one fact per line.

    Raises:
        DataError: if two documents have the same title.
    """
    yield b"["
    separator, titles = b"\n", set[str]()
    for document in documents:
        if document.title in titles:
            raise _repeated(document.title, 2)
        titles.add(document.title)
        for relation in document.relations:
            yield separator + json_bytes(_stored(document, relation))
            separator = b",\n"
    yield b"\n]\n"


def dump_zip(documents: Iterable[Document]) -> Iterator[bytes]:
    """Write the zip that the leaderboard takes; the same documents always yield the same bytes."""
    written = _Written()
    with zipfile.ZipFile(written, "w") as archive:
        member = zipfile.ZipInfo(MEMBER)
        member.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(member, "w") as file:
            for piece in dump(documents):
                file.write(piece)
                yield written.take()
    yield written.take()


class _Written(io.RawIOBase):
    """Buffers what is written until it is taken, so that a zip of any size is never in memory as a whole."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """Return true."""
        return True

    def write(self, piece: ReadableBuffer) -> int:
        """Buffer a piece."""
        self._pieces.append(bytes(piece))
        return len(self._pieces[-1])

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def _stored(document: Document, relation: Relation) -> dict[str, Any]:
    row = {"title": document.title, "h_idx": relation.head, "t_idx": relation.tail, "r": relation.relation}
    return row if relation.evidence is None else {**row, "evidence": relation.evidence}
