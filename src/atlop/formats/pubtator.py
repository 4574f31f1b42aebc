"""PubTator: the title, the abstract, a row for each mention and a row for each relation, then a blank line.

    id|t|title
    id|a|abstract
    id <tab> start <tab> end <tab> mention <tab> type <tab> identifiers
    id <tab> relation <tab> head identifier <tab> tail identifier [<tab> novelty]

Offsets count the characters of title, one space, abstract; this is the ``text`` of the document, and ``id`` its title.
A mention belongs to each of its identifiers; one without, or with ``-`` or ``-1`` only, is an entity of its own. CDR
joins identifiers with ``|``; BioRED with ``,``, and there ``|`` is part of an identifier such as ``c|DEL|1314_1328|``;
CDR's types, Chemical and Disease, tell which it is. CDR's names of the parts of a composite mention and BioRED's
novelty are dropped. The form has no place for evidence, confidences and candidates.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import DataError
from atlop.formats.identifiers import unique_identifiers
from atlop.formats.records import build_each, cell, decode, is_number, to_bytes
from atlop.formats.words import CutText, Span, cut_text, sentence_starts

TITLE_LINE = re.compile(rb"[^|\t\r\n]+\|t\|")
"""How a document begins."""
_CDR_TYPES = frozenset({"Chemical", "Disease"})
_UNLINKED = frozenset({"", "-", "-1"})
_SEPARATORS = str.maketrans("\t\r\n", "   ")
"""Spaces in place of the characters that separate columns and lines leave the offsets in a text as they are."""


def parse(file: BinaryIO) -> Iterator[Document | DataError]:
    """Read a PubTator file, one document or the error in it at a time."""
    return build_each(_blocks(file), _document)


def _blocks(file: BinaryIO) -> Iterator[tuple[int, list[bytes]]]:
    """Give the lines of each document and the number of the first; a blank or a title line ends the one before."""
    first, lines = 1, list[bytes]()
    for number, line in enumerate(file, start=1):
        ends = not line.strip() or TITLE_LINE.match(line)
        if ends and lines:
            yield first, lines
            lines = []
        if line.strip():
            first = first if lines else number
            lines.append(line.rstrip(b"\r\n"))
    if lines:
        yield first, lines


@dataclass(frozen=True, slots=True)
class _MentionRow:
    span: Span
    type: str
    name: str
    identifiers: tuple[str, ...]


def _document(first: int, lines: list[bytes]) -> Document:
    rows = [(f"line {first + i}", decode(line)) for i, line in enumerate(lines)]
    key, title = _passage(rows, 0, "t")
    try:
        return _filled(key, title, rows)
    except DataError as error:
        raise error.inside(document=key) from error


def _filled(key: str, title: str, rows: list[tuple[str, str]]) -> Document:
    same_key, abstract = _passage(rows, 1, "a")
    _check_key(same_key, key, rows[1][0])
    text = f"{title} {abstract}".translate(_SEPARATORS)
    mentions, relations = [], []
    for place, row in rows[2:]:
        columns = row.split("\t")
        _check_key(columns[0], key, place)
        if len(columns) > 2 and is_number(columns[1]):
            mentions.append(_mention_row(place, columns, text, len(title)))
        else:
            relations.append((place, columns))
    cut = _cut(text, len(title), [mention.span for mention in mentions])
    entities = _entities(mentions, cut)
    return Document(key, cut.sentences, entities, _relations(relations, entities), text=text, offsets=cut.offsets)


def _check_key(found: str, key: str, place: str) -> None:
    if found != key:
        raise DataError(f"got the id {found!r}, expected {key!r} as in the title line", field=place)


def _cut(text: str, title_end: int, spans: list[Span]) -> CutText:
    """Cut a text of which the title is one sentence."""
    return cut_text(text, starts=[0, *sentence_starts(text, start=title_end + 1, spans=spans)], spans=spans)


def _passage(rows: list[tuple[str, str]], index: int, kind: str) -> tuple[str, str]:
    expected = f"expected the {'title' if kind == 't' else 'abstract'} line 'id|{kind}|text'"
    if index == len(rows):
        raise DataError(f"got no line after it, {expected}", field=rows[-1][0])
    place, row = rows[index]
    parts = row.split("|", 2)
    if len(parts) != 3 or not parts[0] or parts[1] != kind:
        raise DataError(f"got {row[:40]!r}, {expected}", field=place)
    return parts[0], parts[2]


def _mention_row(place: str, columns: list[str], text: str, title_end: int) -> _MentionRow:
    if len(columns) < 5 or not is_number(columns[2]):
        expected = "expected a mention: id, start, end, text, type, identifiers"
        raise DataError(f"got the columns {columns}, {expected}", field=place)
    start, end, name = int(columns[1]), int(columns[2]), columns[3].translate(_SEPARATORS)
    if not name.strip() or text[start:end] != name:
        problem = f"got the mention {name!r} at {start} to {end}, where the text reads {text[start:end]!r}"
        raise DataError(f"{problem}, expected the same, and not blank", field=place)
    start, end = start + len(name) - len(name.lstrip()), end - len(name) + len(name.rstrip())
    if start < title_end < end:
        raise DataError(f"got a mention from {start} to {end}, expected none across the end of the title", field=place)
    identifiers = _identifiers(columns[5], columns[4]) if len(columns) > 5 else ()
    return _MentionRow((start, end), columns[4], name.strip(), identifiers)


def _identifiers(column: str, type: str) -> tuple[str, ...]:
    parts = column.replace("|", ",").split(",") if type in _CDR_TYPES else column.split(",")
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip() not in _UNLINKED))


def _entities(rows: list[_MentionRow], cut: CutText) -> tuple[Entity, ...]:
    """Gather the mentions of each identifier; an unlinked mention is gathered under the number of its row."""
    clusters: dict[str | int, list[Mention]] = {}
    for number, row in enumerate(rows):
        mention = Mention(*cut.place(row.span), row.type, row.name)
        for key in row.identifiers or (number,):
            clusters.setdefault(key, []).append(mention)
    return tuple(Entity(tuple(of), key if isinstance(key, str) else None) for key, of in clusters.items())


def _relations(rows: list[tuple[str, list[str]]], entities: Sequence[Entity]) -> tuple[Relation, ...]:
    """Read the relation rows; a row that repeats another adds nothing."""
    index = {entity.identifier: i for i, entity in enumerate(entities) if entity.identifier is not None}
    facts: dict[Relation, None] = {}
    for place, columns in rows:
        if len(columns) not in (4, 5):
            expected = "expected a relation: id, relation, head identifier, tail identifier"
            raise DataError(f"got the columns {columns}, {expected}", field=place)
        head, tail = columns[2].strip(), columns[3].strip()
        for identifier in (head, tail):
            if identifier not in index:
                raise DataError(f"got the identifier {identifier!r}, expected one that a mention carries", field=place)
        facts[Relation(index[head], index[tail], columns[1])] = None
    return tuple(facts)


def dump(documents: Iterable[Document]) -> Iterator[bytes]:
    """Write documents as PubTator.

    A document that did not come from raw text, or whose text has no space after its first sentence, is written with its
    words joined by spaces; the first sentence stands in the title line. An entity without an identifier is written with
    ``-``, or with ``E`` and its index where it has several mentions or stands in a relation. Tabs and line ends in a
    text become spaces.

    Raises:
        DataError: if a title, type, relation or identifier holds what PubTator uses as a separator, or if two entities
            share an identifier.
    """
    for document in documents:
        yield to_bytes("\n".join([*_lines(document), "", ""]), document=document)


def _lines(document: Document) -> Iterator[str]:
    key = cell(document.title, document=document, field="title", forbidden="|")
    text, offsets, title_end = _laid_out(document)
    yield f"{key}|t|{text[:title_end]}"
    yield f"{key}|a|{text[title_end + 1 :]}"
    identifiers = _written_identifiers(document)
    for (start, end), mention, entities in _mention_rows(document, offsets):
        if not text[start:end].strip():
            raise DataError("got a mention of white space only, expected one of words", document=document.title)
        columns = [cell(mention.type, document=document, field="type")]
        columns.append(_joined(document, [identifiers[entity] for entity in entities], mention.type))
        yield "\t".join([key, str(start), str(end), text[start:end], *columns])
    for r, relation in enumerate(document.relations):
        name = _relation_name(document, f"relations[{r}].relation", relation.relation)
        yield "\t".join([key, name, identifiers[relation.head], identifiers[relation.tail]])


def _relation_name(document: Document, field: str, name: str) -> str:
    if is_number(name):
        problem = f"got {name!r}, expected a name that is not a number, as that would read as the start of a mention"
        raise DataError(problem, document=document.title, field=field)
    return cell(name, document=document, field=field)


def _joined(document: Document, identifiers: list[str], type: str) -> str:
    """Join identifiers, unless they would be read as others."""
    column = ("|" if type in _CDR_TYPES else ",").join(identifiers)
    if column != "-" and _identifiers(column, type) != tuple(identifiers):
        problem = f"got the identifiers {identifiers} for a mention of type {type!r}, which would be read as others"
        raise DataError(f"{problem}; expected none with a separator", document=document.title, field="entities")
    return cell(column, document=document, field="entities")


def _laid_out(document: Document) -> tuple[str, tuple[tuple[int, ...], ...], int]:
    """Give the text, the offsets of the words in it, and where the title ends."""
    if document.text is not None and document.offsets is not None:
        text = document.text.translate(_SEPARATORS)
        title_end = _title_end(text, document)
        if title_end is not None:
            return text, document.offsets, title_end
    words = [word.translate(_SEPARATORS) for sentence in document.sentences for word in sentence]
    ends = list(accumulate((len(word) + 1 for word in words), initial=0))
    position = iter(ends)
    offsets = tuple(tuple(next(position) for _ in sentence) for sentence in document.sentences)
    title = next((sentence for sentence in document.sentences if sentence), ())
    return " ".join(words), offsets, len(" ".join(title))


def _title_end(text: str, document: Document) -> int | None:
    """Find a space between the first sentence and the next, else before the first, else the end after an only one."""
    first, *others = document.offsets or ((),)
    end = first[-1] + len(document.sentences[0][-1]) if first else 0
    following = next((row[0] for row in others if row), len(text))
    found = text.find(" ", end, following)
    if found >= 0:
        return found
    # A title without words, before an abstract whose sentences some other white space parts.
    before = text.find(" ", 0, first[0] if first else 0)
    if before >= 0:
        return before
    return len(text) if following == len(text) else None


def _written_identifiers(document: Document) -> list[str]:
    related = {entity for relation in document.relations for entity in (relation.head, relation.tail)}
    return [
        "-" if entity.identifier is None and len(entity.mentions) == 1 and index not in related else identifier
        for index, (entity, identifier) in enumerate(zip(document.entities, unique_identifiers(document), strict=True))
    ]


def _mention_rows(document: Document, offsets: tuple[tuple[int, ...], ...]) -> list[tuple[Span, Mention, list[int]]]:
    """Gather the mentions with their characters; neighbours that are one mention of several linked entities join."""
    rows: list[tuple[Span, Mention, list[int]]] = []
    linked = [entity.identifier is not None for entity in document.entities]
    for span, entity, mention in _in_order(document, offsets):
        _, last, entities = rows[-1] if rows else (None, None, [])
        if mention == last and entity not in entities and linked[entity] and linked[entities[-1]]:
            entities.append(entity)
        else:
            rows.append((span, mention, [entity]))
    return rows


def _in_order(document: Document, offsets: tuple[tuple[int, ...], ...]) -> Iterator[tuple[Span, int, Mention]]:
    """Give all mentions in the order of the text, as far as a reader then numbers entities and mentions alike."""
    ready: list[tuple[Span, int, int]] = []

    def push(entity: int, place: int) -> None:
        """Add a mention, where the entity has that many, to those of which the first in the text comes next."""
        if entity < len(document.entities) and place < len(document.entities[entity].mentions):
            span = _span(document, offsets, document.entities[entity].mentions[place])
            heapq.heappush(ready, (span, entity, place))

    push(0, 0)
    while ready:
        span, entity, place = heapq.heappop(ready)
        if place == 0:
            push(entity + 1, 0)
        push(entity, place + 1)
        yield span, entity, document.entities[entity].mentions[place]


def _span(document: Document, offsets: tuple[tuple[int, ...], ...], mention: Mention) -> Span:
    row, words = offsets[mention.sentence], document.sentences[mention.sentence]
    return row[mention.start], row[mention.end - 1] + len(words[mention.end - 1])
