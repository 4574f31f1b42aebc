"""From related mentions, which annotation tools store, to related entities.

1. Mentions that the annotators joined, by an ``Equiv`` of brat or by a relation whose name means "same as", are one
   entity, and so are those that are joined through others.
2. A mention that nobody joined belongs to the joined entity that has a mention of an equal string and type, if there is
   exactly one; else all such mentions of an equal string and type are one entity. Case and white space are ignored.
3. A relation between mentions becomes one between their entities, which is stated once. Its evidence is the sentences
   of the related mentions; where several relations state the same fact, it is those of all of them.

Entities are in the order of their first mentions in the text. What the annotators left open is counted, and one warning
for each document says what was done with it.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field

from atlop.documents import Document, Entity, Relation
from atlop.documents.spans import TypedSpan, check_text, place_entity
from atlop.errors import DataError, got
from atlop.text import CutText, split_text

logger = logging.getLogger(__name__)

Key = Hashable
"""What a tool identifies a mention by."""
SAME_AS = frozenset({"same as", "sameas", "coreference", "coref", "equiv"})
"""Names of relations that join two mentions; case is ignored, and ``_`` and ``-`` count as spaces."""


@dataclass(frozen=True)
class Lifting:
    """How annotations of mentions are read.

    Raises:
        DataError: if ``same_as`` is a single string.
    """

    same_as: Collection[str] = SAME_AS
    """Names of relations that join two mentions into one entity."""
    language: str = "en"
    """The code of the language by whose rules sentences are split."""

    def __post_init__(self) -> None:
        if isinstance(self.same_as, str):
            raise DataError(f"got {got(self.same_as)}, expected a list of names", field="same_as")

    def joins(self, relation: str) -> bool:
        """Return whether a relation of this name joins two mentions."""
        return _plain(relation) in map(_plain, self.same_as)


def _plain(name: str) -> str:
    return _squeezed(name.replace("_", " ").replace("-", " "))


def _squeezed(text: str) -> str:
    return " ".join(text.split()).casefold()


@dataclass(slots=True)
class MarkedText:
    """A text whose mentions are marked and related."""

    title: str
    """The title of the document."""
    text: str
    """The text."""
    mentions: dict[Key, TypedSpan] = field(default_factory=dict)
    """The mentions."""
    relations: list[tuple[Key, Key, str]] = field(default_factory=list)
    """Head mention, tail mention and name of each relation."""
    joined: list[tuple[Key, Key]] = field(default_factory=list)
    """Mentions that are one entity."""
    sentences: Sequence[int] | None = None
    """Where the sentences begin, if the tool says so."""
    left_out: set[Key] = field(default_factory=set)
    """Mentions that are dropped, together with all of their relations."""
    oddities: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What the annotators left open: what is counted, such as ``relation``, and what was done with it."""

    def mark(self, key: Key, start: int, end: int, label: str) -> None:
        """Add a mention, without the white space at its ends; one without a label is left out.

        Raises:
            DataError: if it is outside the text or blank, or the key is repeated.
        """
        _check_key(key)
        name = self.text[start:end] if 0 <= start <= end <= len(self.text) else ""
        if not name.strip():
            found = f"got the mention {start} to {end} of a text of {len(self.text)} characters"
            raise DataError(f"{found}, expected one inside it that is not blank")
        if key in self.mentions or key in self.left_out:
            raise DataError(f"got the mention {got(key)} again, expected each once")
        if label:
            self.mentions[key] = end - len(name.lstrip()), start + len(name.rstrip()), label
        else:
            self.left_out.add(key)
            self.note("mention", "without a label: left out, relations included")

    def join(self, one: Key, other: Key) -> None:
        """Make two mentions one entity.

        Raises:
            DataError: if a mention is not marked.
        """
        if self._are_taken(one, other):
            self.joined.append((one, other))

    def relate(self, head: Key, tail: Key, name: str, *, lifting: Lifting) -> None:
        """Add a relation, or join its mentions if that is what it means; one without a name is left out.

        Raises:
            DataError: if a mention is not marked.
        """
        if not name:
            self.note("relation", "without a label: left out")
        elif lifting.joins(name):
            self.join(head, tail)
        elif self._are_taken(head, tail):
            self.relations.append((head, tail, name))

    def _are_taken(self, *keys: Key) -> bool:
        """Return whether all of several mentions are kept."""
        for key in keys:
            _check_key(key)
            if key not in self.mentions and key not in self.left_out:
                raise DataError(f"got the mention {got(key)}, expected one that is marked")
        return self.left_out.isdisjoint(keys)

    def note(self, noun: str, what: str) -> None:
        """Count something that the annotators left open."""
        self.oddities[noun, what] += 1


def _check_key(key: object) -> None:
    if not isinstance(key, str | int | tuple):
        raise DataError(f"got the mention {got(key)}, expected a string or an integer to identify it")


def lift(marked: MarkedText, lifting: Lifting) -> Document:
    """Build the document of a text whose mentions are marked and related; warn of what was left open.

    Raises:
        DataError: if the text contains a lone surrogate, or the title is empty.
        MissingExtraError: if the sentences of its language need an extra that is not installed.
    """
    check_text(marked.text)
    clusters = _clusters(marked)
    bounds = [(start, end) for start, end, _ in marked.mentions.values()]
    cut = split_text(marked.text, spans=bounds, language=lifting.language, starts=marked.sentences)
    entities = tuple(_entity(marked, cut, keys) for keys in clusters)
    relations = _relations(marked, clusters, cut)
    document = Document(marked.title, cut.sentences, entities, relations, text=marked.text, offsets=cut.offsets)
    _warn(marked)
    return document


def _entity(marked: MarkedText, cut: CutText, keys: Iterable[Key]) -> Entity:
    return place_entity(cut, marked.text, dict.fromkeys(marked.mentions[key] for key in keys))


def _clusters(marked: MarkedText) -> list[list[Key]]:
    """Return the mentions of each entity, in the order of the text."""
    cluster_of: dict[Key, set[Key]] = {key: {key} for key in marked.mentions}
    for pair in marked.joined:
        _join(cluster_of, pair)
    for keys in _alike(marked):
        alone = [key for key in keys if len(cluster_of[key]) == 1]
        homes = {id(cluster_of[key]): key for key in keys if len(cluster_of[key]) > 1}
        _join(cluster_of, [*(homes.values() if len(homes) == 1 else ()), *alone])
    distinct = {id(cluster): cluster for cluster in cluster_of.values()}.values()
    ordered = [sorted(cluster, key=marked.mentions.__getitem__) for cluster in distinct]
    return sorted(ordered, key=lambda keys: marked.mentions[keys[0]])


def _alike(marked: MarkedText) -> Iterable[list[Key]]:
    """Return the mentions of each string and type."""
    alike = defaultdict[tuple[str, str], list[Key]](list)
    for key, (start, end, kind) in marked.mentions.items():
        alike[_squeezed(marked.text[start:end]), kind].append(key)
    return alike.values()


def _join(cluster_of: dict[Key, set[Key]], keys: Iterable[Key]) -> None:
    """Merge the clusters of several mentions into one."""
    first: Key | None = None
    for key in keys:
        first = key if first is None else first
        small, large = sorted((cluster_of[first], cluster_of[key]), key=len)
        if small is not large:
            large |= small
            cluster_of.update(dict.fromkeys(small, large))


def _relations(marked: MarkedText, clusters: list[list[Key]], cut: CutText) -> tuple[Relation, ...]:
    entity_of = {key: index for index, keys in enumerate(clusters) for key in keys}
    evidence = defaultdict[tuple[int, int, str], set[int]](set)
    for head, tail, name in marked.relations:
        sentences = (cut.place(marked.mentions[key][:2])[0] for key in (head, tail))
        evidence[entity_of[head], entity_of[tail], name].update(sentences)
        if entity_of[head] == entity_of[tail]:
            marked.note("relation", "between two mentions of one entity: kept")
    return tuple(Relation(*fact, evidence=tuple(sorted(found))) for fact, found in evidence.items())


def _warn(marked: MarkedText) -> None:
    parts = [f"{count} {noun}{'' if count == 1 else 's'} {what}" for (noun, what), count in marked.oddities.items()]
    if parts:
        logger.warning("document %r: %s", marked.title, "; ".join(parts))
