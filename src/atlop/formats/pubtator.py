"""PubTator: the title, the abstract, a row for each mention and a row for each relation, then a blank line.

    id|t|title
    id|a|abstract
    id <tab> start <tab> end <tab> mention <tab> type <tab> identifiers
    id <tab> relation <tab> head identifier <tab> tail identifier [<tab> novelty]

Offsets count the characters of the title, one space and the abstract; this is the ``text`` of the document, and ``id``
its title. A mention belongs to the entity of each of its identifiers; one with none, or with only ``-`` or ``-1``, is
an entity of its own. CDR joins identifiers with ``|``; BioRED joins them with ``,``, and there ``|`` is part of an
identifier such as ``c|DEL|1314_1328|``; the types Chemical and Disease identify a row as CDR's. CDR's names of the
parts of a composite mention and BioRED's novelty are ignored. The format does not store evidence, confidences or
candidates.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import DataError, got
from atlop.formats.identifiers import unique_identifiers
from atlop.formats.records import build_each, cell, decode, is_number
from atlop.formats.sentences import sentence_starts
from atlop.text import CutText, Span, cut_text

TITLE_LINE = re.compile(rb"[^|\t\r\n]+\|t\|")
"""The beginning of a document."""
_CDR_TYPES = frozenset({"Chemical", "Disease"})
_UNLINKED = frozenset({"", "-", "-1"})
_SEPARATORS = str.maketrans("\t\r\n", "   ")
"""Replaces the characters that separate columns and lines by spaces, which keeps the offsets in a text."""


def parse(file: BinaryIO) -> Iterator[Document | DataError]:
    """Read a PubTator file; yield each document, or the error in it."""
    return build_each(_blocks(file), _document)


def _blocks(file: BinaryIO) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the lines of each document and the number of the first; a blank line or a title line ends a document."""
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
    """Split a text whose title is one sentence."""
    return cut_text(text, starts=[0, *sentence_starts(text, start=title_end + 1, spans=spans)], spans=spans)


def _passage(rows: list[tuple[str, str]], index: int, kind: str) -> tuple[str, str]:
    expected = f"expected the {'title' if kind == 't' else 'abstract'} line 'id|{kind}|text'"
    if index == len(rows):
        raise DataError(f"got no line after it, {expected}", field=rows[-1][0])
    place, row = rows[index]
    parts = row.split("|", 2)
    if len(parts) != 3 or not parts[0] or parts[1] != kind:
        raise DataError(f"got {got(row)}, {expected}", field=place)
    return parts[0], parts[2]


def _mention_row(place: str, columns: list[str], text: str, title_end: int) -> _MentionRow:
    if len(columns) < 5 or not is_number(columns[2]):
        expected = "expected a mention: id, start, end, text, type, identifiers"
        raise DataError(f"got the columns {got(columns)}, {expected}", field=place)
    if not columns[4]:
        raise DataError("got an empty type, expected one such as Disease", field=place)
    start, end, name = int(columns[1]), int(columns[2]), columns[3].translate(_SEPARATORS)
    if not name.strip() or text[start:end] != name:
        found = got(text[start : min(end, start + len(name) + 1)])
        problem = f"got the mention {got(name)} at {start} to {end}, where the text reads {found}"
        raise DataError(f"{problem}, expected the same and not blank", field=place)
    start, end = start + len(name) - len(name.lstrip()), end - len(name) + len(name.rstrip())
    if start < title_end < end:
        expected = f"expected one within the title, which ends at {title_end}, or within the abstract"
        raise DataError(f"got a mention from {start} to {end}, {expected}", field=place)
    identifiers = _identifiers(columns[5], columns[4]) if len(columns) > 5 else ()
    return _MentionRow((start, end), columns[4], name.strip(), identifiers)


def _identifiers(column: str, type: str) -> tuple[str, ...]:
    parts = column.replace("|", ",").split(",") if type in _CDR_TYPES else column.split(",")
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip() not in _UNLINKED))


def _entities(rows: list[_MentionRow], cut: CutText) -> tuple[Entity, ...]:
    """Cluster mentions by identifier; a mention without one is an entity of its own."""
    clusters: dict[str | int, list[Mention]] = {}
    for number, row in enumerate(rows):
        mention = Mention(*cut.place(row.span), row.type, row.name)
        for key in row.identifiers or (number,):
            clusters.setdefault(key, []).append(mention)
    return tuple(Entity(tuple(of), key if isinstance(key, str) else None) for key, of in clusters.items())


def _relations(rows: list[tuple[str, list[str]]], entities: Sequence[Entity]) -> tuple[Relation, ...]:
    """Read the relation rows, without those that repeat another."""
    index = {entity.identifier: i for i, entity in enumerate(entities) if entity.identifier is not None}
    facts: dict[Relation, None] = {}
    for place, columns in rows:
        if len(columns) not in (4, 5):
            expected = "expected a relation: id, relation, head identifier, tail identifier"
            raise DataError(f"got the columns {got(columns)}, {expected}", field=place)
        if not columns[1]:
            raise DataError("got an empty relation, expected a name such as CID", field=place)
        head, tail = columns[2].strip(), columns[3].strip()
        for identifier in (head, tail):
            if identifier not in index:
                raise DataError(f"got the identifier {identifier!r}, expected one that a mention carries", field=place)
        facts[Relation(index[head], index[tail], columns[1])] = None
    return tuple(facts)


def dump(documents: Iterable[Document]) -> Iterator[bytes]:
    """Write documents as PubTator.

    A document that has no raw text, or whose text has no space after its first sentence, is written with its words
    joined by spaces; its first sentence is the title. An entity without an identifier is written with ``-``, or with
    ``E`` and its index if it has several mentions or takes part in a relation; ``-`` and ``-1`` count as no identifier.
    Tabs and line ends in a text become spaces.

    Raises:
        DataError: if a title, type, relation or identifier contains a separator of PubTator, a relation is a number, a
            mention is blank, or two entities share an identifier.
    """
    for document in documents:
        yield "\n".join([*_lines(document), "", ""]).encode()


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
    """Join identifiers, unless a reader would split them differently."""
    column = ("|" if type in _CDR_TYPES else ",").join(identifiers)
    if column != "-" and _identifiers(column, type) != tuple(identifiers):
        problem = (
            f"got the identifiers {got(identifiers)} for a mention of type {type!r}, expected none with a separator"
        )
        raise DataError(f"{problem}, which would be read as others", document=document.title, field="entities")
    return cell(column, document=document, field="entities")


def _laid_out(document: Document) -> tuple[str, tuple[tuple[int, ...], ...], int]:
    """Return the text, the offsets of the words in it, and the end of the title."""
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
    """Return where the title ends: a space after or before the first sentence, or the end of a text of only one."""
    first, *others = document.offsets or ((),)
    end = first[-1] + len(document.sentences[0][-1]) if first else 0
    following = next((row[0] for row in others if row), len(text))
    found = text.find(" ", end, following)
    if found >= 0:
        return found
    # An empty title before an abstract whose sentences are separated by other white space.
    before = text.find(" ", 0, first[0] if first else 0)
    if before >= 0:
        return before
    return len(text) if following == len(text) else None


def _written_identifiers(document: Document) -> list[str]:
    related = {entity for relation in document.relations for entity in (relation.head, relation.tail)}
    unique = unique_identifiers(document, unlinked=_UNLINKED)
    return [
        identifier if _is_linked(entity) or len(entity.mentions) > 1 or index in related else "-"
        for index, (entity, identifier) in enumerate(zip(document.entities, unique, strict=True))
    ]


def _is_linked(entity: Entity) -> bool:
    return entity.identifier is not None and entity.identifier not in _UNLINKED


def _mention_rows(document: Document, offsets: tuple[tuple[int, ...], ...]) -> list[tuple[Span, Mention, list[int]]]:
    """Return mentions with their spans and entities; merge neighbours that are one mention of several entities."""
    rows: list[tuple[Span, Mention, list[int]]] = []
    linked = list(map(_is_linked, document.entities))
    for span, entity, mention in _in_order(document, offsets):
        _, last, entities = rows[-1] if rows else (None, None, [])
        if mention == last and entity not in entities and linked[entity] and linked[entities[-1]]:
            entities.append(entity)
        else:
            rows.append((span, mention, [entity]))
    return rows


def _in_order(document: Document, offsets: tuple[tuple[int, ...], ...]) -> Iterator[tuple[Span, int, Mention]]:
    """Yield the mentions by position, as far as that lets a reader number entities and mentions in the same order."""
    ready: list[tuple[Span, int, int]] = []

    def push(entity: int, place: int) -> None:
        """Add a mention, if it exists, to the candidates, of which the first in the text comes next."""
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
