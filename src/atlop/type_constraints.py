"""Which types of entities training relates to one another, so that pairs of other types can be skipped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from atlop.documents import Document
from atlop.errors import LabelError, got


@dataclass(frozen=True)
class TypeConstraints:
    """The ordered pairs of entity types that a relation of the training documents connects.

    An entity has the types of all of its mentions, so one relation may connect several pairs of types.
    """

    tails: Mapping[str, frozenset[str]]
    """For every type in the training documents, the types of the tails of heads of that type; none for a type that is
    never the head."""

    @classmethod
    def of(cls, documents: Iterable[Document]) -> TypeConstraints:
        """Collect the types of documents, and which of them their relations connect."""
        tails: dict[str, set[str]] = {}
        for document in documents:
            types = [entity.types for entity in document.entities]
            tails.update({kind: set() for kind in frozenset().union(*types) if kind not in tails})
            for relation in document.relations:
                for kind in types[relation.head]:
                    tails[kind] |= types[relation.tail]
        return cls({kind: frozenset(found) for kind, found in tails.items()})

    def connects(self, head: frozenset[str], tail: frozenset[str]) -> bool:
        """Tell whether training related any type of the head to any type of the tail, in this order.

        A type that is in no training document may stand in any relation, as nothing is known of it.

        Args:
            head: the types of the head entity.
            tail: the types of the tail entity.
        """
        if not head | tail <= self.tails.keys():
            return True
        return any(not self.tails[kind].isdisjoint(tail) for kind in head)

    def kept(self, document: Document) -> tuple[tuple[int, int], ...]:
        """Give the pairs of a document that are not skipped, in their order."""
        types = [entity.types for entity in document.entities]
        connected = {(head, tail) for head, tail in product(set(types), repeat=2) if self.connects(head, tail)}
        return tuple((head, tail) for head, tail in document.pairs if (types[head], types[tail]) in connected)

    def to_json(self) -> dict[str, list[str]]:
        """Give the form in which a label map stores them."""
        return {kind: sorted(self.tails[kind]) for kind in sorted(self.tails)}

    @classmethod
    def from_json(cls, stored: Any) -> TypeConstraints:
        """Read what :meth:`to_json` gave.

        Raises:
            LabelError: if the stored form holds something else.
        """
        if not isinstance(stored, dict) or not all(map(_are_texts, stored.values())):
            expected = "expected {head type: [tail type, ...], ...}"
            raise LabelError(f"label map: type_constraints: got {got(stored)}, {expected}")
        return cls({kind: frozenset(tails) for kind, tails in stored.items()})


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
