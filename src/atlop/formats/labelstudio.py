"""Label Studio's full JSON export: a list of tasks, each with its ``data`` and ``annotations``.

The text is ``data.text``, or else the only string in ``data``; the title is ``data.title``, or else ``data.id``, or
else the ``id`` of the task. Of several annotations of a task, the one marked as the ground truth counts, or else the
first that was not cancelled. A result of the type ``labels`` is a mention; one of the type ``relation`` relates two
mentions, and its ``direction`` may be ``right``, ``left`` or ``bi``. Other results, and predictions, are ignored.

A browser counts a character beyond U+FFFF, such as an emoji, as two. Offsets are read in this way, unless the stored
text of the mention says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from typing import Any, BinaryIO

from atlop.documents import Document
from atlop.documents.fields import Field
from atlop.errors import DataError, got, shown
from atlop.formats.doccano import title_of
from atlop.formats.json_list import elements
from atlop.formats.lifting import Lifting, MarkedText, lift
from atlop.formats.records import build_each

_PLAIN = Lifting()
_DIRECTIONS = {"right": ("from_id", "to_id"), "left": ("to_id", "from_id"), "bi": ("from_id", "to_id")}


def parse(file: BinaryIO, *, lifting: Lifting = _PLAIN) -> Iterator[Document | DataError]:
    """Read a JSON file that Label Studio exported; yield each document, or the error in it.

    Raises:
        DataError: if the file is not a list of tasks.
    """
    tasks = enumerate(elements(file, of="tasks"))
    return build_each(tasks, lambda index, stored: _document(f"#{index}", stored, lifting), place="#{}")


def _document(place: str, stored: Any, lifting: Lifting) -> Document:
    task = Field(stored, document=place)
    title = title_of(task["data"]) or title_of(Field({"id": task.object().get("id")})) or place
    task.document = title
    marked = MarkedText(title, _text(task["data"]))
    results = _results(marked, task["annotations"])
    for result in results:
        if result["type"].value == "labels":
            _mark(marked, result)
    for result in results:
        if result["type"].value == "relation":
            _relate(marked, result, lifting)
    try:
        return lift(marked, lifting)
    except DataError as error:
        raise error.inside(document=title) from error


def _text(data: Field) -> str:
    texts = [key for key, value in data.object().items() if isinstance(value, str)]
    if "text" not in texts and len(texts) != 1:
        raise data.error(f"got {len(texts)} strings, expected one with the key text, or only one")
    return data["text" if "text" in texts else texts[0]].string()


def _results(marked: MarkedText, annotations: Field) -> list[Field]:
    """Return the results of the annotation that counts."""
    finished = [annotation for annotation in annotations.items() if not annotation.object().get("was_cancelled")]
    truth = [annotation for annotation in finished if annotation.object().get("ground_truth")]
    if not finished:
        marked.note("task", "without an annotation: read as a document without entities")
    elif len(finished) > 1 and len(truth) != 1:
        marked.note("task", f"with {len(finished)} annotations: the first of them is read")
    return [result for annotation in (truth or finished)[:1] for result in annotation["result"].items()]


def _mark(marked: MarkedText, result: Field) -> None:
    value = result["value"]
    labels = _labels(value)
    if len(labels) > 1:
        marked.note("mention", "with several labels: the first is its type")
    start, end = _offsets(marked.text, value)
    value.build(marked.mark, key=result["id"].value, start=start, end=end, label=(labels or [""])[0])


def _labels(value: Field) -> list[str]:
    labels = value.get("labels")
    return [] if labels is None else [label.string() for label in labels.items()]


def _offsets(text: str, value: Field) -> tuple[int, int]:
    """Return the offsets of a mention in characters."""
    start, end = value["start"].index(), value["end"].index()
    counted = _from_utf16(text, start, end)
    stored = value.get("text")
    if stored is None:
        return counted
    for first, last in (counted, (start, end)):
        if _squeezed(text[first:last]) == _squeezed(stored.string()):
            return first, last
    found = f"got {shown(stored.value)} at {start} to {end}, where the text reads {shown(text[slice(*counted)])}"
    raise value.error(f"{found}, expected the same")


def _from_utf16(text: str, start: int, end: int) -> tuple[int, int]:
    """Convert offsets that count UTF-16 units to offsets in characters; what is outside the text stays outside."""
    if text.isascii():
        return start, end
    at = _characters_at(text)
    return at.get(start, start), at.get(end, end)


@lru_cache(maxsize=1)
def _characters_at(text: str) -> dict[int, int]:
    """Return the index of the character that begins at each UTF-16 unit, the end of the text included."""
    units = accumulate((1 + (character > "\uffff") for character in text), initial=0)
    return {unit: index for index, unit in enumerate(units)}


def _squeezed(name: str) -> str:
    # Label Studio writes a line end in a mention as a backslash and an n.
    return " ".join(name.replace("\\n", "\n").split())


def _relate(marked: MarkedText, result: Field, lifting: Lifting) -> None:
    direction = result.get("direction")
    if direction is None:
        marked.note("relation", "without a direction: read from the first mention to the second")
    elif not isinstance(direction.value, str) or direction.value not in _DIRECTIONS:
        raise direction.error(f"got {got(direction.value)}, expected one of {', '.join(_DIRECTIONS)}")
    way = "right" if direction is None else direction.value
    head, tail = (result[key].value for key in _DIRECTIONS[way])
    for name in _labels(result) or [""]:
        result.build(marked.relate, head=head, tail=tail, name=name, lifting=lifting)
        if way == "bi":
            result.build(marked.relate, head=tail, tail=head, name=name, lifting=lifting)
