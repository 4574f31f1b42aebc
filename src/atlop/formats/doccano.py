"""doccano's JSONL export: one text per line, with ``entities`` and ``relations``, or with ``label``.

What doccano calls an entity is a mention. It has ``id``, ``label``, ``start_offset`` and ``end_offset``, which count
characters; a relation has ``from_id``, ``to_id`` and ``type``. Projects without relations store the mentions as
``label`` or ``labels``, each [start, end, label]. The title of a document is the ``title`` that was uploaded, or
else its ``id``. Other keys are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from atlop.documents import Document
from atlop.documents.fields import Field
from atlop.errors import DataError, got
from atlop.formats.lifting import Lifting, MarkedText, lift
from atlop.formats.records import build_each, numbered_lines, parse_json

_PLAIN = Lifting()


def parse(file: BinaryIO, *, lifting: Lifting = _PLAIN) -> Iterator[Document | DataError]:
    """Read a JSONL file that doccano exported; yield each document, or the error in it."""

    def build(number: int, line: bytes) -> Document:
        return _document(f"line {number}", parse_json(line, line=number), lifting)

    return build_each(numbered_lines(file), build)


def _document(place: str, stored: Any, lifting: Lifting) -> Document:
    title = title_of(Field(stored, document=place)) or place
    root = Field(stored, document=title)
    marked = MarkedText(title, root["text"].string())
    for mention in _items(root, "entities"):
        _mark(marked, mention)
    for number, mention in enumerate([*_items(root, "label"), *_items(root, "labels")]):
        _mark_row(marked, number, mention)
    for relation in _items(root, "relations"):
        name = relation.get("type")
        head, tail = relation["from_id"].value, relation["to_id"].value
        relation.build(marked.relate, head=head, tail=tail, name="" if name is None else name.string(), lifting=lifting)
    try:
        return lift(marked, lifting)
    except DataError as error:
        raise error.inside(document=title) from error


def title_of(data: Field) -> str | None:
    """Return the ``title`` of uploaded data, or else its ``id``; ``None`` if it has neither."""
    for key in ("title", "id"):
        value = data.object().get(key)
        if isinstance(value, str | int) and str(value).strip():
            return str(value)
    return None


def _items(root: Field, key: str) -> Iterator[Field]:
    values = root.get(key)
    return iter(()) if values is None else values.items()


def _mark(marked: MarkedText, mention: Field) -> None:
    label = mention.get("label")
    start, end = mention["start_offset"].index(), mention["end_offset"].index()
    name = "" if label is None else label.string()
    mention.build(marked.mark, key=mention["id"].value, start=start, end=end, label=name)


def _mark_row(marked: MarkedText, number: int, mention: Field) -> None:
    values = list(mention.items())
    if len(values) != 3:
        raise mention.error(f"got {got(mention.value)}, expected [start, end, label]")
    start, end, label = values
    mention.build(marked.mark, key=("label", number), label=label.string(), start=start.index(), end=end.index())
