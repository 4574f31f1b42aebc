"""Documents: sentences, the entities marked in them, and the relations between the entities.

Gold and predicted documents have the same type. All classes are immutable and check themselves at construction, so a
:class:`Document` is always valid: every index points at something that exists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

from atlop.documents.checks import check_index, check_string, check_tuple
from atlop.documents.conversion import entity_from, entity_to_dict, given, relation_from, relation_to_dict, rows_from
from atlop.documents.entity import Entity, Mention
from atlop.documents.fields import Field
from atlop.documents.relation import Relation
from atlop.documents.spans import TypedSpan, check_text, place_entity, read_spans
from atlop.errors import DataError, got, shown
from atlop.text import split_text

_REQUIRED = ("title", "sentences", "entities")
_OPTIONAL = ("relations", "candidates", "text", "offsets")


@dataclass(frozen=True, slots=True, repr=False)
class Document:
    """A text with its entities and relations, gold or predicted.

    Raises:
        DataError: if a field has the wrong type, an index is out of range, a fact or a candidate is repeated, or the
            text and the offsets do not match the words.
    """

    title: str
    """The key by which predictions and gold are joined."""
    sentences: tuple[tuple[str, ...], ...]
    """The words of each sentence; a word may be blank but not empty."""
    entities: tuple[Entity, ...] = ()
    """The entities, each a cluster of mentions; there may be none."""
    relations: tuple[Relation, ...] = ()
    """The facts; there may be none."""
    candidates: tuple[tuple[int, int], ...] | None = None
    """The (head, tail) pairs that the corpus lists as the ones to classify; ``None`` means all ordered pairs."""
    text: str | None = None
    """The raw text that the words were split from, if there was one."""
    offsets: tuple[tuple[int, ...], ...] | None = None
    """Offset of each word in ``text``, in characters, laid out as ``sentences``; given if and only if ``text`` is."""

    def __post_init__(self) -> None:
        try:
            check_string("title", self.title)
            _check_words(self.sentences)
            _check_entities(self)
            _check_relations(self)
            _check_candidates(self)
            _check_offsets(self)
        except DataError as error:
            raise error.inside(document=self.title if isinstance(self.title, str) else None) from error

    @classmethod
    def from_dict(cls, stored: Any) -> Document:
        """Build a document from a JSON object, the format of a line of a JSONL file.

        Args:
            stored: what :meth:`to_dict` returns, or ``json.loads`` of a line.

        Raises:
            DataError: if the object is malformed; it names the field, such as ``entities[3].mentions[0].end``.
        """
        title = Field(stored)["title"].string()
        root = Field(stored, document=title or None)
        values = root.object(_REQUIRED, _OPTIONAL)
        relations = root.get("relations")
        return cls(
            title=title,
            sentences=tuple(tuple(words.elements()) for words in root["sentences"].items()),
            entities=tuple(map(entity_from, root["entities"].items())),
            relations=tuple(map(relation_from, relations.items())) if relations else (),
            candidates=rows_from(root.get("candidates")),
            text=values.get("text"),
            offsets=rows_from(root.get("offsets")),
        )

    @classmethod
    def from_text(
        cls,
        text: str,
        entities: Sequence[Sequence[TypedSpan]] = (),
        *,
        title: str = "text",
        sentences: str = "en",
    ) -> Document:
        """Build a document from a text and the character spans of its entities.

            >>> Document.from_text("Ada Lovelace was born in London.", [[(0, 12, "PER")], [(25, 31, "LOC")]])
            Document('text', sentences=1, entities=2, relations=0)

        Args:
            text: any text.
            entities: each a sequence of mentions (start, end, type): the characters [start, end) of the text, and an
                entity type, such as ``PER``. Mentions may overlap and be in any order.
            title: the key by which predictions and gold are joined.
            sentences: the code of the language by whose rules the text is split into sentences. Any but ``en`` needs
                ``atlop[languages]``.

        Raises:
            DataError: if a mention is outside the text, empty or blank, or does not cover whole words; or if the text
                contains a lone surrogate.
            MissingExtraError: if the language is not English and the extra is not installed.
        """
        try:
            check_text(text)
            spans = read_spans(text, entities)
            bounds = [(start, end) for mentions in spans for start, end, _ in mentions]
            cut = split_text(text, spans=bounds, language=sentences)
            placed = tuple(place_entity(cut, text, mentions) for mentions in spans)
        except DataError as error:
            raise error.inside(document=title) from error
        return cls(title, cut.sentences, placed, text=text, offsets=cut.offsets)

    def to_dict(self) -> dict[str, Any]:
        """Return the document as a JSON object, the format of a line of a JSONL file."""
        return {
            "title": self.title,
            "sentences": _lists(self.sentences),
            "entities": list(map(entity_to_dict, self.entities)),
            "relations": list(map(relation_to_dict, self.relations)),
            **given(candidates=_lists(self.candidates), text=self.text, offsets=_lists(self.offsets)),
        }

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The (head, tail) pairs to classify: the listed candidates, else every ordered pair of two entities."""
        if self.candidates is not None:
            return self.candidates
        return tuple(permutations(range(len(self.entities)), 2))

    def span(self, mention: Mention) -> tuple[int, int]:
        """Return the characters [start, end) of ``text`` that a mention covers.

        Raises:
            DataError: if the document has no raw text.
        """
        if self.offsets is None:
            problem = "got None, expected raw text; a mention of this document has no character span"
            raise DataError(problem, document=self.title, field="text")
        last = mention.end - 1
        words, offsets = self.sentences[mention.sentence], self.offsets[mention.sentence]
        return offsets[mention.start], offsets[last] + len(words[last])

    def with_relations(self, relations: tuple[Relation, ...]) -> Document:
        """Return the same document with other relations."""
        return replace(self, relations=relations)

    def __repr__(self) -> str:
        counts = f"sentences={len(self.sentences)}, entities={len(self.entities)}, relations={len(self.relations)}"
        return f"Document({self.title!r}, {counts})"


def _lists(rows: tuple[tuple[Any, ...], ...] | None) -> list[list[Any]] | None:
    return None if rows is None else list(map(list, rows))


def _check_below(field: str, value: int, count: int, of: str) -> None:
    """Check that an index points at one of ``count`` objects."""
    if value >= count:
        expected = f"an index from 0 to {count - 1}" if count else "no index at all"
        raise DataError(f"got {got(value)}, expected {expected}, as there are {count} {of}", field=field)


def _check_words(sentences: object) -> None:
    check_tuple("sentences", sentences, tuple, "a tuple of words")
    for s, words in enumerate(sentences):  # type: ignore[arg-type, var-annotated]
        for w, word in enumerate(words):
            if type(word) is not str or not word or not word.isascii():
                check_string(f"sentences[{s}][{w}]", word)


def _check_entities(document: Document) -> None:
    check_tuple("entities", document.entities, Entity, "an Entity")
    lengths = list(map(len, document.sentences))
    for e, entity in enumerate(document.entities):
        for m, mention in enumerate(entity.mentions):
            if mention.sentence >= len(lengths) or mention.end > lengths[mention.sentence]:
                _check_mention(f"entities[{e}].mentions[{m}]", mention, lengths)


def _check_mention(field: str, mention: Mention, lengths: list[int]) -> None:
    _check_below(f"{field}.sentence", mention.sentence, len(lengths), "sentences")
    words = lengths[mention.sentence]
    _check_below(f"{field}.start", mention.start, words, f"words in sentence {mention.sentence}")
    if mention.end > words:
        expected = f"a word index from {mention.start + 1} to {words}"
        place = f"the mention starts at {mention.start} in sentence {mention.sentence} of {words} words"
        raise DataError(f"got {got(mention.end)}, expected {expected}, as {place}", field=f"{field}.end")


def _check_relations(document: Document) -> None:
    check_tuple("relations", document.relations, Relation, "a Relation")
    entities, sentences = len(document.entities), len(document.sentences)
    for r, relation in enumerate(document.relations):
        _check_below(f"relations[{r}].head", relation.head, entities, "entities")
        _check_below(f"relations[{r}].tail", relation.tail, entities, "entities")
        for i, sentence in enumerate(relation.evidence or ()):
            _check_below(f"relations[{r}].evidence[{i}]", sentence, sentences, "sentences")
    facts = Counter(relation.fact for relation in document.relations)
    for (head, tail, name), count in facts.items():
        if count > 1:
            problem = f"got the fact (head {head}, tail {tail}, {name:.60}) {count} times, expected every fact once"
            raise DataError(problem, field="relations")


def _check_candidates(document: Document) -> None:
    if document.candidates is None:
        return
    check_tuple("candidates", document.candidates, tuple, "a pair (head, tail)")
    for c, pair in enumerate(document.candidates):
        if len(pair) != 2:
            raise DataError(f"got {got(pair)}, expected a pair (head, tail)", field=f"candidates[{c}]")
        for side, entity in zip(("head", "tail"), pair, strict=True):
            check_index(f"candidates[{c}].{side}", entity)
            _check_below(f"candidates[{c}].{side}", entity, len(document.entities), "entities")
    for pair, count in Counter(document.candidates).items():
        if count > 1:
            raise DataError(f"got the pair {pair} {count} times, expected every pair once", field="candidates")


def _check_offsets(document: Document) -> None:
    text, offsets = document.text, document.offsets
    if (text is None) != (offsets is None):
        missing = "text" if text is None else "offsets"
        raise DataError("got None, expected both text and offsets or neither", field=missing)
    if text is None or offsets is None:
        return
    check_string("text", text, empty=True)
    check_tuple("offsets", offsets, tuple, "a tuple of offsets")
    if [len(row) for row in offsets] != [len(words) for words in document.sentences]:
        raise DataError("got another number of offsets than words, expected one for each word", field="offsets")
    end = 0
    for s, w, word, offset in _placed_words(document, offsets):
        end = end if w else 0
        if type(offset) is not int or not text.startswith(word, max(offset, 0)) or offset < end:
            _refuse_offset(f"offsets[{s}][{w}]", offset, text, word, end)
        end = offset + len(word)


def _refuse_offset(field: str, offset: int, text: str, word: str, end: int) -> None:
    check_index(field, offset)
    if offset < end:
        problem = f"got {got(offset)}, expected at least {end}, where the word before it ends"
        raise DataError(problem, field=field)
    found = text[offset : offset + len(word)]
    problem = f"got {got(offset)}, where the text reads {shown(found)}, expected the word {shown(word)} there"
    raise DataError(problem, field=field)


def _placed_words(document: Document, offsets: tuple[tuple[int, ...], ...]) -> Iterator[tuple[int, int, str, int]]:
    for s, (words, row) in enumerate(zip(document.sentences, offsets, strict=True)):
        for w, (word, offset) in enumerate(zip(words, row, strict=True)):
            yield s, w, word, offset
