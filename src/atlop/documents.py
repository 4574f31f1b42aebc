"""The one noun that everything else speaks of: a document with entities and the relations between them.

Gold and predicted documents are the same type. All classes are frozen and check themselves when built, so a
:class:`Document` in hand is a valid one: every index points at something that exists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import permutations

from atlop.errors import DataError, got


@dataclass(frozen=True, slots=True)
class Mention:
    """One place where a document speaks of an entity.

    Mentions may overlap, repeat and start at one word, in one entity or in several.
    """

    sentence: int
    """Index of the sentence."""
    start: int
    """Index of the first word within the sentence."""
    end: int
    """Index after the last word within the sentence."""
    type: str
    """Type of the entity as this mention shows it, such as ``PER``; mentions of one entity may differ."""
    name: str
    """The mention as its corpus writes it, which may differ from the words it covers."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A cluster of mentions of the same thing."""

    mentions: tuple[Mention, ...]
    """At least one mention."""
    identifier: str | None = None
    """The identifier in a knowledge base, such as a MeSH number, where the corpus gives one."""

    @property
    def name(self) -> str:
        """The name of the first mention."""
        return self.mentions[0].name

    @property
    def type(self) -> str:
        """The type of the first mention."""
        return self.mentions[0].type

    @property
    def types(self) -> frozenset[str]:
        """The types of all mentions, in most corpora a single one."""
        return frozenset(mention.type for mention in self.mentions)


@dataclass(frozen=True, slots=True)
class Relation:
    """A fact: the head entity stands in a relation to the tail entity."""

    head: int
    """Index of the head entity in the document."""
    tail: int
    """Index of the tail entity; the same as ``head`` in the few corpora that relate an entity to itself."""
    relation: str
    """Name of the relation in the label map, such as ``P27``."""
    evidence: tuple[int, ...] | None = None
    """Indices of the sentences that support the fact; empty where a corpus says there are none, ``None`` where
    nothing is known."""
    confidence: float | None = None
    """Probability between 0 and 1 that a model gave the fact; ``None`` in gold documents."""

    name: str | None = field(default=None, compare=False)
    """Display name of the relation, such as ``country of citizenship``; it is no part of the claim."""

    @property
    def fact(self) -> tuple[int, int, str]:
        """What is claimed, without how well it is supported."""
        return self.head, self.tail, self.relation


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its entities and relations, gold or predicted.

    Raises:
        DataError: if an index points at nothing, a field has the wrong type, or two relations state the same fact.
    """

    title: str
    """The key by which predictions and gold are joined."""
    sentences: tuple[tuple[str, ...], ...]
    """The words of each sentence; a word may be blank but not empty."""
    entities: tuple[Entity, ...] = ()
    """The clusters of mentions, possibly none."""
    relations: tuple[Relation, ...] = ()
    """The facts, possibly none."""
    candidates: tuple[tuple[int, int], ...] | None = None
    """The (head, tail) pairs that a corpus lists as the ones to decide; ``None`` means all ordered pairs."""
    text: str | None = None
    """The raw text that the words were cut from, where there was one."""
    offsets: tuple[tuple[int, ...], ...] | None = None
    """Offset of each word in ``text``, in characters, laid out as ``sentences``; given exactly if ``text`` is."""

    def __post_init__(self) -> None:
        _check_words(self)
        _check_entities(self)
        _check_relations(self)
        _check_candidates(self)
        _check_offsets(self)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The (head, tail) pairs to decide: the listed candidates, else every ordered pair of two entities."""
        if self.candidates is not None:
            return self.candidates
        return tuple(permutations(range(len(self.entities)), 2))

    def span(self, mention: Mention) -> tuple[int, int]:
        """Give the characters [start, end) of ``text`` that a mention covers.

        Raises:
            DataError: if the document did not come from raw text.
        """
        if self.offsets is None:
            raise _error(self, "text", "the document holds no raw text, so a mention has no character span")
        last = mention.end - 1
        words, offsets = self.sentences[mention.sentence], self.offsets[mention.sentence]
        return offsets[mention.start], offsets[last] + len(words[last])

    def with_relations(self, relations: tuple[Relation, ...]) -> Document:
        """Give the same document with other relations."""
        return replace(self, relations=relations)


def _error(document: Document, field: str, problem: str) -> DataError:
    title = document.title if isinstance(document.title, str) else None
    return DataError(problem, document=title, field=field)


def _check_index(document: Document, field: str, value: object, count: int, of: str) -> None:
    """Refuse anything but a whole number that points at one of ``count`` things (``bool`` is no number here)."""
    if type(value) is not int or not 0 <= value < count:
        expected = f"an index from 0 to {count - 1}" if count else "no index at all"
        raise _error(document, field, f"got {got(value)}, expected {expected}, as there are {count} {of}")


def _check_text(document: Document, field: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise _error(document, field, f"got {got(value)}, expected a text of at least one character")


def _check_words(document: Document) -> None:
    _check_text(document, "title", document.title)
    for s, words in enumerate(document.sentences):
        for w, word in enumerate(words):
            if not isinstance(word, str) or not word:
                _check_text(document, f"sentences[{s}][{w}]", word)


def _check_entities(document: Document) -> None:
    for e, entity in enumerate(document.entities):
        if not entity.mentions:
            raise _error(document, f"entities[{e}].mentions", "got none, expected at least one mention")
        for m, mention in enumerate(entity.mentions):
            _check_mention(document, f"entities[{e}].mentions[{m}]", mention)


def _check_mention(document: Document, field: str, mention: Mention) -> None:
    _check_index(document, f"{field}.sentence", mention.sentence, len(document.sentences), "sentences")
    words = len(document.sentences[mention.sentence])
    _check_index(document, f"{field}.start", mention.start, words, f"words in sentence {mention.sentence}")
    if type(mention.end) is not int or not mention.start < mention.end <= words:
        expected = f"a word index from {mention.start + 1} to {words}"
        place = f"the mention starts at {mention.start} in sentence {mention.sentence} of {words} words"
        raise _error(document, f"{field}.end", f"got {got(mention.end)}, expected {expected}, as {place}")
    _check_text(document, f"{field}.type", mention.type)
    if not isinstance(mention.name, str):
        raise _error(document, f"{field}.name", f"got {got(mention.name)}, expected a text")


def _check_relations(document: Document) -> None:
    entities, sentences = len(document.entities), len(document.sentences)
    for r, relation in enumerate(document.relations):
        field = f"relations[{r}]"
        _check_index(document, f"{field}.head", relation.head, entities, "entities")
        _check_index(document, f"{field}.tail", relation.tail, entities, "entities")
        _check_text(document, f"{field}.relation", relation.relation)
        for i, sentence in enumerate(relation.evidence or ()):
            _check_index(document, f"{field}.evidence[{i}]", sentence, sentences, "sentences")
        _check_confidence(document, f"{field}.confidence", relation.confidence)
    _check_repeats(document)


def _check_confidence(document: Document, field: str, value: object) -> None:
    if value is None:
        return
    if type(value) not in (int, float) or not 0 <= value <= 1:  # type: ignore[operator]
        raise _error(document, field, f"got {got(value)}, expected a number from 0 to 1")


def _check_repeats(document: Document) -> None:
    counts = Counter(relation.fact for relation in document.relations)
    for (head, tail, name), count in counts.items():
        if count > 1:
            problem = f"got the fact (head {head}, tail {tail}, {name}) {count} times, expected every fact once"
            raise _error(document, "relations", problem)


def _check_candidates(document: Document) -> None:
    for c, pair in enumerate(document.candidates or ()):
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise _error(document, f"candidates[{c}]", f"got {got(pair)}, expected a pair (head, tail)")
        for side, entity in zip(("head", "tail"), pair, strict=True):
            _check_index(document, f"candidates[{c}].{side}", entity, len(document.entities), "entities")
    counts = Counter(document.candidates or ())
    for pair, count in counts.items():
        if count > 1:
            raise _error(document, "candidates", f"got the pair {pair} {count} times, expected every pair once")


def _check_offsets(document: Document) -> None:
    text, offsets = document.text, document.offsets
    if (text is None) != (offsets is None):
        missing = "text" if text is None else "offsets"
        raise _error(document, missing, "got None, expected text and offsets both given or both left out")
    if text is None or offsets is None:
        return
    if [len(row) for row in offsets] != [len(words) for words in document.sentences]:
        raise _error(document, "offsets", "got another number of offsets than words, expected one for each word")
    for s, w, word, offset in _placed_words(document, offsets):
        if offset < 0 or text[offset : offset + len(word)] != word:
            found = text[offset : offset + len(word)]
            problem = f"got {offset}, where the text reads {found!r}, expected the word {word!r} there"
            raise _error(document, f"offsets[{s}][{w}]", problem)


def _placed_words(document: Document, offsets: tuple[tuple[int, ...], ...]) -> Iterator[tuple[int, int, str, int]]:
    for s, (words, row) in enumerate(zip(document.sentences, offsets, strict=True)):
        for w, (word, offset) in enumerate(zip(words, row, strict=True)):
            yield s, w, word, offset
