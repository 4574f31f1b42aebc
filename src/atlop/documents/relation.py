"""Relations between two entities, gold or predicted."""

from __future__ import annotations

from dataclasses import dataclass, field

from atlop.documents.checks import check_index, check_string, check_tuple
from atlop.errors import DataError, got


@dataclass(frozen=True, slots=True, repr=False)
class Relation:
    """A fact: the head entity stands in a relation to the tail entity.

    Raises:
        DataError: if a field has the wrong type or is out of range.
    """

    head: int
    """Index of the head entity in the document."""
    tail: int
    """Index of the tail entity; equal to ``head`` in the few corpora that relate an entity to itself."""
    relation: str
    """Name of the relation in the label map, such as ``P27``."""
    evidence: tuple[int, ...] | None = None
    """Indices of the sentences that support the fact; empty if the corpus says that there are none, ``None`` if they
    are unknown."""
    confidence: float | None = None
    """Probability from 0 to 1 that the model assigns to the fact; ``None`` in gold documents."""
    name: str | None = field(default=None, compare=False)
    """Display name of the relation, such as ``country of citizenship``; not part of a comparison."""

    def __post_init__(self) -> None:
        check_index("head", self.head)
        check_index("tail", self.tail)
        check_string("relation", self.relation)
        if self.evidence is not None:
            check_tuple("evidence", self.evidence, int, "the index of a sentence")
            for i, sentence in enumerate(self.evidence):
                check_index(f"evidence[{i}]", sentence)
        if self.confidence is not None and not _is_probability(self.confidence):
            raise DataError(f"got {got(self.confidence)}, expected a number from 0 to 1", field="confidence")
        if self.name is not None:
            check_string("name", self.name, empty=True)

    @property
    def fact(self) -> tuple[int, int, str]:
        """Head, tail and relation: the claim without its evidence and confidence."""
        return self.head, self.tail, self.relation

    def __repr__(self) -> str:
        parts = [
            f"{self.head} -> {self.tail}",
            self.relation if self.name is None else f"{self.relation} {self.name!r}",
        ]
        if self.confidence is not None:
            parts.append(f"{self.confidence:.2f}")
        if self.evidence is not None:
            parts.append(f"evidence={list(self.evidence)}")
        return f"Relation({', '.join(parts)})"


def _is_probability(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
