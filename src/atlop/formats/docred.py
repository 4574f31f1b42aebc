"""DocRED and Re-DocRED JSON: a list of documents with ``title``, ``sents``, ``vertexSet`` and optionally ``labels``.

``vertexSet`` lists the entities, each a list of mentions with ``name``, ``sent_id``, ``pos`` ([start, end) in words of
that sentence) and ``type``. A label has ``h`` and ``t`` (indices of the head and the tail entity), ``r`` (the relation)
and optionally ``evidence`` (indices of sentences). Other keys are ignored. The format does not store candidates,
identifiers, confidences, raw text or offsets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from atlop.documents import Document, Entity, Mention, Relation
from atlop.documents.fields import Field
from atlop.errors import DataError, got
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
"""How the fields of a document are named in the file."""


def parse(file: BinaryIO) -> Iterator[Document | DataError]:
    """Read a DocRED file; yield each document, or the error in it.

    Raises:
        DataError: if the file is not a list of documents.
    """
    return build_each(_records(file), _document, place="#{}")


def _records(file: BinaryIO) -> Iterator[tuple[int, Any]]:
    for index, stored in enumerate(elements(file)):
        if index == 0 and isinstance(stored, dict) and "h_idx" in stored and "sents" not in stored:
            raise DataError(NEEDS_DOCUMENTS)
        yield index, stored


def _document(index: int, stored: Any) -> Document:
    title = Field(stored, document=f"#{index}")["title"].string()
    root = Field(stored, document=title or f"#{index}")
    labels = root.get("labels")
    relations = _first_of_each(labels) if labels else {}
    try:
        return Document(
            title=title,
            sentences=tuple(tuple(sentence.elements()) for sentence in root["sents"].items()),
            entities=tuple(map(_entity, root["vertexSet"].items())),
            relations=tuple(relations),
        )
    except DataError as error:
        raise _in_terms_of_the_file(error, list(relations.values())) from error


def _entity(stored: Field) -> Entity:
    return stored.build(Entity, keys={"mentions": ""}, mentions=tuple(map(_mention, stored.items())))


def _mention(stored: Field) -> Mention:
    values = stored.object(("name", "sent_id", "pos", "type"))
    position = values["pos"]
    if not isinstance(position, list) or len(position) != 2:
        raise stored.error(f"got {got(position)}, expected [start, end)", "pos")
    start, end = position
    return stored.build(
        Mention,
        keys={"sentence": "sent_id", "start": "pos", "end": "pos"},
        sentence=values["sent_id"],
        start=start,
        end=end,
        type=values["type"],
        name=values["name"],
    )


def _first_of_each(labels: Field) -> dict[Relation, str]:
    """Return the first label of each fact, with its position in the file."""
    relations: dict[tuple[int, int, str], tuple[Relation, str]] = {}
    for label in labels.items():
        relation = _relation(label)
        relations.setdefault(relation.fact, (relation, label.path))
    return dict(relations.values())


def _relation(label: Field) -> Relation:
    values, evidence = label.object(("h", "t", "r")), label.get("evidence")
    return label.build(
        Relation,
        keys={"head": "h", "tail": "t", "relation": "r"},
        head=values["h"],
        tail=values["t"],
        relation=values["r"],
        evidence=None if evidence is None else tuple(evidence.elements()),
    )


def _in_terms_of_the_file(error: DataError, labels: list[str]) -> DataError:
    """Name the field as in the file; ``labels`` are the positions of the labels that became relations."""
    field = error.field or ""
    for pattern, name in _NAMES_IN_FILE:
        field = pattern.sub(name, field)
    field = re.sub(r"^relations\[(\d+)\]", lambda match: labels[int(match[1])], field)
    return DataError(error.problem, document=error.document, field=field or None)


def dump(documents: Iterable[Document]) -> Iterator[bytes]:
    """Write documents as a DocRED file, one per line."""
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
