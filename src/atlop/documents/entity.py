"""Entities: clusters of mentions of the same thing."""

from __future__ import annotations

from dataclasses import dataclass

from atlop.documents.checks import check_index, check_string, check_tuple
from atlop.errors import DataError, got


@dataclass(frozen=True, slots=True)
class Mention:
    """A span of words that refers to an entity.

    Mentions may overlap, repeat and start at the same word, within an entity or across entities.

    Raises:
        DataError: if a field has the wrong type, an index is negative, or the span is empty.
    """

    sentence: int
    """Index of the sentence."""
    start: int
    """Index of the first word within the sentence."""
    end: int
    """Index after the last word within the sentence."""
    type: str
    """Entity type of this mention, such as ``PER``; the mentions of an entity may differ in type."""
    name: str
    """The mention as the corpus writes it, which may differ from the words that it covers."""

    def __post_init__(self) -> None:
        check_index("sentence", self.sentence)
        check_index("start", self.start)
        if type(self.end) is not int or self.end <= self.start:
            expected = f"an integer above the start, {self.start}, as end is the index after the last word"
            raise DataError(f"got {got(self.end)}, expected {expected}", field="end")
        check_string("type", self.type)
        check_string("name", self.name, empty=True)


@dataclass(frozen=True, slots=True, repr=False)
class Entity:
    """A cluster of mentions of the same thing.

    Raises:
        DataError: if there is no mention, or a field has the wrong type.
    """

    mentions: tuple[Mention, ...]
    """The mentions, at least one."""
    identifier: str | None = None
    """Identifier in a knowledge base, such as a MeSH number, if the corpus has one."""

    def __post_init__(self) -> None:
        check_tuple("mentions", self.mentions, Mention, "a Mention")
        if not self.mentions:
            raise DataError("got none, expected at least one mention", field="mentions")
        if self.identifier is not None:
            check_string("identifier", self.identifier, empty=True)

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
        """The types of all mentions; in most corpora there is only one."""
        return frozenset(mention.type for mention in self.mentions)

    def __repr__(self) -> str:
        identifier = "" if self.identifier is None else f", identifier={self.identifier!r}"
        return f"Entity({self.name!r}, type={self.type!r}, mentions={len(self.mentions)}{identifier})"
