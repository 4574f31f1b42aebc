"""The ``.data`` format in which papers use CDR and GDA: one document per line, with the pairs to classify.

A line has tab-separated columns: the title (a PubMed number), the sentences (separated by ``|``, words by spaces),
and 17 columns for each pair:

    1          label: 1:CID:2 for a relation, 1:NR:2 for none, not_include for a pair that is not a candidate
    2          direction: L2R if the first argument is the head, R2L if the second is
    3          CROSS, or NON-CROSS if two mentions share a sentence
    4, 5       the closest two mentions
    6 to 11    first argument: identifier; names, joined by |; type; mentions: starts, ends, sentences, joined by :
    12 to 17   second argument, likewise

Starts and ends count the words of the whole document. Entities are numbered in the order of the pairs, the head before
the tail; those that occur only in ``not_include`` pairs come last. The mentions of an entity are those of its first
pair. Each line is a document of its own, even if a title is repeated. The format does not store evidence, confidences,
raw text, or types that differ within an entity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, chain, product
from typing import BinaryIO

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import DataError, got
from atlop.formats.identifiers import unique_identifiers
from atlop.formats.records import build_each, cell, decode, is_number, numbered_lines
from atlop.labels import plain_name

_COLUMNS = 17
_NO_CANDIDATE = "not_include"
_NO_RELATION = "NR"
_SPACED = str.maketrans("\t\r\n|", "    ")
"""Replaces the separators in a name with spaces; no program parses names."""


@dataclass(frozen=True, slots=True)
class _Argument:
    """The six columns of one side of a pair."""

    columns: list[str]
    field: str

    @property
    def identifier(self) -> str:
        """The identifier of the entity."""
        return self.columns[0]

    def numbers(self, column: int, name: str) -> list[int]:
        """Read a column of integers, to which errors refer by the given name."""
        parts = self.columns[column].split(":")
        if not all(map(is_number, parts)):
            expected = "expected integers separated by ':'"
            raise DataError(f"got {got(self.columns[column])}, {expected}", field=f"{self.field}.{name}")
        return list(map(int, parts))


@dataclass(frozen=True, slots=True)
class _Pair:
    label: str
    head: _Argument
    tail: _Argument

    @property
    def key(self) -> tuple[str, str]:
        """The identifiers of head and tail."""
        return self.head.identifier, self.tail.identifier


def parse(file: BinaryIO) -> Iterator[Document | DataError]:
    """Read a ``.data`` file; yield each document, or the error in it."""
    return build_each(numbered_lines(file), _document)


def _document(number: int, line: bytes) -> Document:
    columns = decode(line).split("\t")
    try:
        return _filled(columns)
    except DataError as error:
        raise error.inside(document=columns[0] or f"line {number}") from error


def _filled(columns: list[str]) -> Document:
    if len(columns) < 2 or (len(columns) - 2) % _COLUMNS:
        raise DataError(f"got {len(columns)} columns, expected 2 and then {_COLUMNS} for each pair")
    sentences = tuple(tuple(sentence.split(" ")) if sentence else () for sentence in columns[1].split("|"))
    every = [_pair(columns[at : at + _COLUMNS], n) for n, at in enumerate(range(2, len(columns), _COLUMNS))]
    pairs = [pair for pair in every if pair.label != _NO_CANDIDATE]
    arguments = _numbered([*pairs, *(pair for pair in every if pair.label == _NO_CANDIDATE)])
    index = {identifier: i for i, identifier in enumerate(arguments)}
    return Document(
        title=columns[0],
        sentences=sentences,
        entities=tuple(_entity(argument, sentences) for argument in arguments.values()),
        relations=_relations(pairs, index),
        candidates=tuple(dict.fromkeys((index[head], index[tail]) for head, tail in (pair.key for pair in pairs))),
    )


def _numbered(pairs: Iterable[_Pair]) -> dict[str, _Argument]:
    """Return the arguments by identifier in the order of the pairs, the head before the tail."""
    arguments: dict[str, _Argument] = {}
    for pair in pairs:
        arguments.setdefault(pair.head.identifier, pair.head)
        arguments.setdefault(pair.tail.identifier, pair.tail)
    return arguments


def _pair(columns: list[str], number: int) -> _Pair:
    first = _Argument(columns[5:11], f"pairs[{number}].first")
    second = _Argument(columns[11:17], f"pairs[{number}].second")
    if columns[1] not in ("L2R", "R2L"):
        raise DataError(f"got {got(columns[1])}, expected 'L2R' or 'R2L'", field=f"pairs[{number}].direction")
    if not columns[0]:
        raise DataError("got an empty label, expected one such as 1:CID:2", field=f"pairs[{number}].label")
    return _Pair(columns[0], first, second) if columns[1] == "L2R" else _Pair(columns[0], second, first)


def _relations(pairs: list[_Pair], index: dict[str, int]) -> tuple[Relation, ...]:
    labelled = ((pair.key, plain_name(pair.label)) for pair in pairs)
    facts = (Relation(index[head], index[tail], name) for (head, tail), name in labelled if name != _NO_RELATION)
    return tuple(dict.fromkeys(facts))


def _entity(argument: _Argument, sentences: tuple[tuple[str, ...], ...]) -> Entity:
    names, type = argument.columns[1].split("|"), argument.columns[2]
    if not type:
        raise DataError("got an empty type, expected one such as Disease", field=f"{argument.field}.type")
    starts, ends, places = (argument.numbers(3 + i, name) for i, name in enumerate(("starts", "ends", "sentences")))
    counts = [len(names), len(starts), len(ends), len(places)]
    if len(set(counts)) > 1:
        problem = f"got {counts} names, starts, ends and sentences, expected the same number of each"
        raise DataError(problem, field=argument.field)
    first_words = list(accumulate(map(len, sentences), initial=0))
    mentions = []
    for name, start, end, place in zip(names, starts, ends, places, strict=True):
        if not (place < len(sentences) and first_words[place] <= start < end <= first_words[place + 1]):
            raise _outside(argument.field, start, end, place, first_words)
        mentions.append(Mention(place, start - first_words[place], end - first_words[place], type, name))
    return Entity(tuple(mentions), argument.identifier)


def _outside(field: str, start: int, end: int, sentence: int, first_words: list[int]) -> DataError:
    found = f"got the words {start} to {end} in sentence {sentence}"
    if sentence >= len(first_words) - 1:
        return DataError(f"{found}, expected a sentence below {len(first_words) - 1}", field=field)
    within = f"words within {first_words[sentence]} to {first_words[sentence + 1]}"
    return DataError(f"{found}, expected {within} there", field=field)


def dump(documents: Iterable[Document]) -> Iterator[bytes]:
    """Write documents in the ``.data`` format, each pair with its head as the first argument.

    A document without candidates is written with all ordered pairs. A reader numbers the entities in the order of the
    pairs, which preserves the numbering of a document that was read from this format. An entity without an identifier
    is written with ``E`` and its index.

    Raises:
        DataError: if a title, word, type, label or identifier contains a separator of the format, a label means no
            relation in it, or two entities share an identifier.
    """
    for document in documents:
        yield f"{_line(document)}\n".encode()


def _line(document: Document) -> str:
    labels: dict[tuple[int, int], list[str]] = {pair: [] for pair in document.pairs}
    for r, relation in enumerate(document.relations):
        label = _label(document, f"relations[{r}].relation", relation.relation)
        labels.setdefault((relation.head, relation.tail), []).append(label)
    named = set(chain.from_iterable(labels))
    rows = [(pair, label) for pair, found in labels.items() for label in found or [f"1:{_NO_RELATION}:2"]]
    rows += [((e, e), _NO_CANDIDATE) for e in range(len(document.entities)) if e not in named]
    first_words = list(accumulate(map(len, document.sentences), initial=0))
    arguments = _arguments(document, first_words)
    columns = [cell(document.title, document=document, field="title"), "|".join(_sentences(document))]
    for (head, tail), label in rows:
        closest = _closest(document.entities[head], document.entities[tail], first_words)
        columns += [label, "L2R", *closest, *arguments[head], *arguments[tail]]
    return "\t".join(columns)


def _label(document: Document, field: str, name: str) -> str:
    """Return the label that is read as this name."""
    label = f"1:{name}:2"
    label = label if plain_name(label) == name else name
    if label == _NO_CANDIDATE or plain_name(label) in (_NO_RELATION, "") or plain_name(label) != name:
        problem = f"got {name!r}, expected the name of a relation, not what this format uses for none"
        raise DataError(problem, document=document.title, field=field)
    return cell(label, document=document, field=field)


def _sentences(document: Document) -> Iterator[str]:
    for s, words in enumerate(document.sentences):
        checked = (
            cell(word, document=document, field=f"sentences[{s}][{w}]", forbidden=" |") for w, word in enumerate(words)
        )
        yield " ".join(checked)


def _arguments(document: Document, first_words: list[int]) -> list[list[str]]:
    """Return the six columns of each entity."""
    columns = []
    for e, (entity, identifier) in enumerate(zip(document.entities, unique_identifiers(document), strict=True)):
        spans = [_words(mention, first_words) for mention in entity.mentions]
        columns.append(
            [
                cell(identifier, document=document, field=f"entities[{e}].identifier"),
                "|".join(mention.name.translate(_SPACED) for mention in entity.mentions),
                cell(entity.type, document=document, field=f"entities[{e}].mentions[0].type"),
                ":".join(str(start) for start, _ in spans),
                ":".join(str(end) for _, end in spans),
                ":".join(str(mention.sentence) for mention in entity.mentions),
            ]
        )
    return columns


def _words(mention: Mention, first_words: list[int]) -> tuple[int, int]:
    """Return the words [start, end) of the document that a mention covers."""
    first = first_words[mention.sentence]
    return first + mention.start, first + mention.end


def _closest(head: Entity, tail: Entity, first_words: list[int]) -> list[str]:
    """Return the columns for CROSS or NON-CROSS and the closest two mentions."""
    together = {mention.sentence for mention in head.mentions} & {mention.sentence for mention in tail.mentions}
    spans = ([_words(mention, first_words) for mention in entity.mentions] for entity in (head, tail))
    nearest = min(product(*spans), key=lambda two: max(two[0][0] - two[1][1], two[1][0] - two[0][1]))
    return ["NON-CROSS" if together else "CROSS", *(f"{start}-{end}" for start, end in nearest)]
