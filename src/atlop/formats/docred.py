"""DocRED and Re-DocRED JSON: a list of documents with ``title``, ``sents``, ``vertexSet`` and, where known, ``labels``.

``vertexSet`` lists the entities, each a list of mentions with ``name``, ``sent_id``, ``pos`` ([start, end) in the words
of that sentence) and ``type``. A label has ``h`` and ``t`` (indices of the head and the tail entity), ``r`` (the
relation) and, where known, ``evidence`` (indices of sentences). Other keys are dropped. The form has no place for
candidates, identifiers, confidences, raw text and offsets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import DataError, got
from atlop.formats.fields import Field
from atlop.formats.json_list import elements
from atlop.formats.leaderboard import NEEDS_DOCUMENTS
from atlop.formats.records import build_each, json_bytes

_NAMES_IN_FILE = (
    (re.compile(r"^sentences"), "sents"),
    (re.compile(r"^entities(\[\d+\])\.mentions"), r"vertexSet\1"),
    (re.compile(r"(^vertexSet.*)\.sentence$"), r"\1.sent_id"),
    (re.compile(r"(^vertexSet.*)\.(start|end)$"), r"\1.pos"),
    (re.compile(r"(^relations.*)\.head$"), r"\1.h"),
    (re.compile(r"(^relations.*)\.tail$"), r"\1.t"),
    (re.compile(r"(^relations.*)\.relation$"), r"\1.r"),
)
"""How the fields of a document are called in the file."""


def parse(file: BinaryIO) -> Iterator[Document | DataError]:
    """Read a DocRED file, one document or the error in it at a time.

    Raises:
        DataError: if the file as a whole is no list of documents.
    """
    return build_each(_records(file), _document, place="#{}")


def _records(file: BinaryIO) -> Iterator[tuple[int, Any]]:
    for index, stored in enumerate(elements(file)):
        if index == 0 and isinstance(stored, dict) and "h_idx" in stored and "sents" not in stored:
            raise DataError(NEEDS_DOCUMENTS)
        yield index, stored


def _document(index: int, stored: Any) -> Document:
    title = Field(stored, document=f"#{index}")["title"].text()
    root = Field(stored, document=title or f"#{index}")
    labels = root.get("labels")
    rows = _first_of_each(labels) if labels else {}
    try:
        return Document(
            title=title,
            sentences=tuple(tuple(sentence.elements()) for sentence in root["sents"].items()),
            entities=tuple(Entity(tuple(map(_mention, entity.items()))) for entity in root["vertexSet"].items()),
            relations=tuple(map(_relation, rows.values())),
        )
    except DataError as error:
        raise _in_terms_of_the_file(error, list(rows.values())) from error


def _mention(stored: Field) -> Mention:
    position = stored["pos"]
    if len(position.elements()) != 2:
        raise position.error(f"got {got(position.value)}, expected [start, end)")
    start, end = (bound.whole() for bound in position.items())
    return Mention(stored["sent_id"].whole(), start, end, stored["type"].text(), stored["name"].text())


def _first_of_each(labels: Field) -> dict[tuple[int, int, str], Field]:
    """Keep the first of several labels that state the same fact."""
    rows: dict[tuple[int, int, str], Field] = {}
    for label in labels.items():
        rows.setdefault((label["h"].whole(), label["t"].whole(), label["r"].text()), label)
    return rows


def _relation(label: Field) -> Relation:
    evidence = label.get("evidence")
    sentences = tuple(sentence.whole() for sentence in evidence.items()) if evidence else None
    return Relation(label.value["h"], label.value["t"], label.value["r"], sentences)


def _in_terms_of_the_file(error: DataError, labels: list[Field]) -> DataError:
    """Name the field as the file does; ``labels`` are those that became relations, in their order."""
    field = error.field or ""
    for pattern, name in _NAMES_IN_FILE:
        field = pattern.sub(name, field)
    field = re.sub(r"^relations\[(\d+)\]", lambda match: labels[int(match[1])].path, field)
    return DataError(error.problem, document=error.document, field=field or None)


def dump(documents: Iterable[Document]) -> Iterator[bytes]:
    """Write documents as a DocRED file, one document a line."""
    yield b"["
    for index, document in enumerate(documents):
        yield b",\n" if index else b"\n"
        yield json_bytes(_stored(document))
    yield b"\n]\n"


def _stored(document: Document) -> dict[str, Any]:
    return {
        "title": document.title,
        "sents": document.sentences,
        "vertexSet": [[_stored_mention(mention) for mention in entity.mentions] for entity in document.entities],
        "labels": [_stored_relation(relation) for relation in document.relations],
    }


def _stored_mention(mention: Mention) -> dict[str, Any]:
    position = [mention.start, mention.end]
    return {"name": mention.name, "sent_id": mention.sentence, "pos": position, "type": mention.type}


def _stored_relation(relation: Relation) -> dict[str, Any]:
    label: dict[str, Any] = {"h": relation.head, "t": relation.tail, "r": relation.relation}
    return label if relation.evidence is None else {**label, "evidence": relation.evidence}
