"""The leaderboard's ``result.json``: facts with ``title``, ``h_idx``, ``t_idx``, ``r`` and, where known, ``evidence``.

The file is a list of them, without their documents. :func:`read_submission` gives what a file claims, by title, also
for titles that no gold document has (a score counts those claims as wrong); :func:`attach` puts the claims onto the
documents that they speak of. The form has no place for confidences.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import DataError, got
from atlop.formats.fields import Field
from atlop.formats.records import json_bytes, parse_json

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MEMBER = "result.json"
"""Name of the one file in the zip that the leaderboard takes."""
NEEDS_DOCUMENTS = (
    "got facts in leaderboard form, expected documents; read them with read_submission() "
    "and join them to their documents with attach()"
)
"""What a reader of documents says to a file of this form."""


def read_submission(path: str | Path) -> dict[str, tuple[Relation, ...]]:
    """Read the facts that a leaderboard file claims, by title; of a claim that is repeated the first counts.

    Args:
        path: a JSON file, or a zip that holds ``result.json``; the content tells which.

    Raises:
        DataError: if the file is not in leaderboard form.
    """
    try:
        return _claims(parse_json(_content(Path(path))))
    except DataError as error:
        raise error.inside(file=str(path)) from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=str(path)) from error


def attach(submission: Mapping[str, tuple[Relation, ...]], documents: Iterable[Document]) -> list[Document]:
    """Give every document with the relations claimed for its title, in place of those that it had.

    Args:
        submission: what :func:`read_submission` gave.
        documents: documents with the sentences and entities, such as the gold ones.

    Raises:
        DataError: if a claimed title is unknown, a title stands for two documents, or an index points at nothing.
    """
    documents = list(documents)
    counts = Counter(document.title for document in documents)
    repeated = next((title for title, count in counts.items() if count > 1), None)
    if repeated is not None:
        raise DataError(f"got {counts[repeated]} documents with this title, expected one", document=repeated)
    unknown = next((title for title in submission if title not in counts), None)
    if unknown is not None:
        raise DataError("got facts for a title that none of the documents has", document=unknown)
    return [document.with_relations(submission.get(document.title, ())) for document in documents]


def stand_ins(submission: Mapping[str, tuple[Relation, ...]]) -> list[Document]:
    """Give a document for every claimed title, with as many sentences and entities as its claims speak of.

    A scorer joins them to the gold documents by title, so that also claims about unknown titles and entities count.

    Args:
        submission: what :func:`read_submission` gave.
    """
    return [_stand_in(title, relations) for title, relations in submission.items()]


def _stand_in(title: str, relations: tuple[Relation, ...]) -> Document:
    entities = 1 + max((max(relation.head, relation.tail) for relation in relations), default=-1)
    sentences = 1 + max((place for relation in relations for place in relation.evidence or ()), default=0)
    unknown = Entity((Mention(0, 0, 1, "unknown", "unknown"),))
    return Document(title, (("unknown",),) * sentences, (unknown,) * entities, relations)


def _content(path: Path) -> bytes:
    raw = path.read_bytes()
    if not zipfile.is_zipfile(io.BytesIO(raw)):
        return raw
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if MEMBER in archive.namelist():
                return archive.read(MEMBER)
            names = ", ".join(archive.namelist()) or "nothing"
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise DataError(f"got a zip that cannot be read ({error}), expected a whole one without a password") from error
    raise DataError(f"got a zip that holds {names}, expected {MEMBER} in it")


def _claims(rows: Any) -> dict[str, tuple[Relation, ...]]:
    if not isinstance(rows, list):
        raise DataError(f"got {got(rows)} at the top, expected a list of facts")
    claims: dict[str, dict[tuple[int, int, str], Relation]] = {}
    for row in Field(rows).items():
        relation = _relation(row)
        claims.setdefault(row["title"].text(), {}).setdefault(relation.fact, relation)
    return {title: tuple(facts.values()) for title, facts in claims.items()}


def _relation(row: Field) -> Relation:
    evidence = row.get("evidence")
    sentences = tuple(sentence.index() for sentence in evidence.items()) if evidence else None
    return Relation(row["h_idx"].index(), row["t_idx"].index(), row["r"].text(), sentences)


def dump(documents: Iterable[Document]) -> Iterator[bytes]:
    """Write the relations of documents in leaderboard form, one fact a line."""
    yield b"["
    separator = b"\n"
    for document in documents:
        for relation in document.relations:
            yield separator + json_bytes(_stored(document, relation))
            separator = b",\n"
    yield b"\n]\n"


def dump_zip(documents: Iterable[Document]) -> Iterator[bytes]:
    """Write the zip that the leaderboard takes; the same documents always give the same bytes."""
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
    """Holds what was written until it is taken, so that a zip of any size is never in memory as a whole."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def write(self, piece: ReadableBuffer) -> int:
        """Hold a piece."""
        self._pieces.append(bytes(piece))
        return len(self._pieces[-1])

    def take(self) -> bytes:
        """Give what was written since the last time."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def _stored(document: Document, relation: Relation) -> dict[str, Any]:
    row = {"title": document.title, "h_idx": relation.head, "t_idx": relation.tail, "r": relation.relation}
    return row if relation.evidence is None else {**row, "evidence": relation.evidence}
