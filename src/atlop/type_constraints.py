"""Which pairs of entities a model scores, by the types that its training documents show."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from atlop.documents import Document
from atlop.errors import LabelError, got

logger = logging.getLogger(__name__)

Pair = tuple[int, int]
"""Head and tail, indices of entities."""


@dataclass(frozen=True)
class CandidateTypes:
    """The pairs of entities that training documents list as candidates, described by their types."""

    types: frozenset[tuple[str, str]]
    """The (head type, tail type) pairs of the candidates."""
    both_orders: bool = False
    """Whether a pair of entities is listed in both orders; otherwise in one, even if the types allow both."""

    @classmethod
    def of(cls, documents: Sequence[Document]) -> CandidateTypes | None:
        """Collect the types of all candidates; ``None`` if some document with two entities lists no candidates."""
        if any(document.candidates is None for document in documents if len(document.entities) > 1):
            return None
        listed = [(document, pair) for document in documents for pair in document.candidates or ()]
        mirrored = sum(_mirrored(document) for document in documents)
        counts = Counter(types for document, pair in listed for types in _types(document, pair))
        if 2 * mirrored > len(listed):
            return cls(frozenset(counts), both_orders=True)
        # CDR lists the entity that the text names first as the head, GDA the disease: keep the rule that explains more.
        against_text = sum(_position(document, head) > _position(document, tail) for document, (head, tail) in listed)
        rarer = {types for types, count in counts.items() if count < counts[types[::-1]]}
        if against_text > sum(counts[types] for types in rarer):
            return cls(frozenset(counts) - rarer)
        return cls(frozenset(counts))

    def pairs(self, document: Document) -> tuple[Pair, ...]:
        """Return the pairs of a document that are of these types, as its corpus would list them.

        Entities without an identifier are left out where others have one, since curators list only identified ones. Of
        the two orders of a pair, the one that the types allow is taken; if they allow both, the entity that the text
        names first is the head.
        """
        entities = document.entities
        identified = [index for index, entity in enumerate(entities) if entity.identifier]
        order = sorted(identified or range(len(entities)), key=lambda index: _position(document, index))
        both = ((pair, pair[::-1]) for pair in combinations(order, 2))
        allowed = [[pair for pair in orders if not self.types.isdisjoint(_types(document, pair))] for orders in both]
        return tuple(pair for orders in allowed for pair in (orders if self.both_orders else orders[:1]))

    def to_json(self) -> dict[str, Any]:
        """Return the object that a label map stores."""
        return {"types": [list(types) for types in sorted(self.types)], "both_orders": self.both_orders}

    @classmethod
    def from_json(cls, stored: Any) -> CandidateTypes:
        """Read what :meth:`to_json` returned.

        Raises:
            LabelError: if the stored object is something else.
        """
        valid = isinstance(stored, dict) and stored.keys() == {"types", "both_orders"}
        if not valid or not isinstance(stored["types"], list) or not isinstance(stored["both_orders"], bool):
            raise _malformed(stored)
        if not all(_are_strings(types) and len(types) == 2 for types in stored["types"]):
            raise _malformed(stored)
        return cls(frozenset((head, tail) for head, tail in stored["types"]), stored["both_orders"])


def _malformed(stored: Any) -> LabelError:
    expected = 'expected {"types": [[head type, tail type], ...], "both_orders": true or false}'
    return LabelError(f"label map: candidate_types: got {got(stored)}, {expected}")


@dataclass(frozen=True)
class TypeConstraints:
    """The ordered pairs of entity types that the training documents relate, and those that they list as candidates.

    An entity has the types of all of its mentions, so one relation may connect several pairs of types.
    """

    tails: Mapping[str, frozenset[str]]
    """For every type in the training documents, the types of the tails of heads of that type; empty for a type that is
    never the head."""
    candidates: CandidateTypes | None = None
    """The types of the listed candidates; ``None`` where training documents list none, so that all pairs count."""

    @classmethod
    def of(cls, documents: Iterable[Document]) -> TypeConstraints:
        """Collect the entity types of documents, and which of them their relations and their candidates connect."""
        documents = list(documents)
        tails: dict[str, set[str]] = {}
        for document in documents:
            types = [entity.types for entity in document.entities]
            tails.update({kind: set() for kind in frozenset().union(*types) if kind not in tails})
            for relation in document.relations:
                for kind in types[relation.head]:
                    tails[kind] |= types[relation.tail]
        found = CandidateTypes.of(documents) if any(document.candidates for document in documents) else None
        return cls({kind: frozenset(types) for kind, types in tails.items()}, found)

    def connects(self, head: frozenset[str], tail: frozenset[str]) -> bool:
        """Return whether training related any type of the head to any type of the tail, in this order.

        A type that is in no training document may take part in any relation, as nothing is known of it.

        Args:
            head: the types of the head entity.
            tail: the types of the tail entity.
        """
        if not head | tail <= self.tails.keys():
            return True
        return any(not self.tails[kind].isdisjoint(tail) for kind in head)

    def to_json(self) -> dict[str, Any]:
        """Return the keys of a label map that store them."""
        candidates = {} if self.candidates is None else {"candidate_types": self.candidates.to_json()}
        return {"type_constraints": {kind: sorted(self.tails[kind]) for kind in sorted(self.tails)}, **candidates}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> TypeConstraints | None:
        """Read the keys that :meth:`to_json` returned from a stored label map, or ``None`` if it lacks them.

        Raises:
            LabelError: if a key holds something else.
        """
        if "type_constraints" not in stored:
            return None
        tails = stored["type_constraints"]
        if not isinstance(tails, dict) or not all(map(_are_strings, tails.values())):
            expected = "expected {head type: [tail type, ...], ...}"
            raise LabelError(f"label map: type_constraints: got {got(tails)}, {expected}")
        listed = CandidateTypes.from_json(stored["candidate_types"]) if "candidate_types" in stored else None
        return cls({kind: frozenset(types) for kind, types in tails.items()}, listed)


def pairs_to_score(document: Document, constraints: TypeConstraints | None, *, prune: bool) -> tuple[Pair, ...]:
    """Return the pairs of a document to score, as the model was trained on them.

    These are the document's own candidates; without any, the pairs of the types that the training documents list; or
    all ordered pairs, if those list none either.

    Args:
        document: any document.
        constraints: the model's, if known.
        prune: whether to skip pairs of types that no training relation connects.
    """
    if document.candidates is None and constraints is not None and constraints.candidates is not None:
        pairs = constraints.candidates.pairs(document)
    else:
        pairs = document.pairs
    if not prune or constraints is None:
        return pairs
    types = [entity.types for entity in document.entities]
    connected = {two for two in product(set(types), repeat=2) if constraints.connects(*two)}
    return tuple((head, tail) for head, tail in pairs if (types[head], types[tail]) in connected)


class UnknownTypes:
    """Warns once of each entity type that a model has not seen in training.

    Args:
        constraints: the model's; ``None`` if it does not know its types, so that it never warns.
    """

    def __init__(self, constraints: TypeConstraints | None) -> None:
        self._trained = None if constraints is None else ", ".join(sorted(constraints.tails))
        self._known: set[str] = set() if constraints is None else set(constraints.tails)

    def warn(self, documents: Iterable[Document]) -> None:
        """Log one warning that names the new types in documents, if there are any."""
        if self._trained is None:
            return
        new = {kind for d in documents for entity in d.entities for kind in entity.types} - self._known
        if new:
            self._known |= new
            shown = ", ".join(sorted(new)[:5]) + (f" and {len(new) - 5} more" if len(new) > 5 else "")
            message = "entities of type %s: the model was trained on %s and finds few or no relations of other types"
            logger.warning(message, shown, self._trained)


def _types(document: Document, pair: Pair) -> set[tuple[str, str]]:
    head, tail = (document.entities[index].types for index in pair)
    return set(product(head, tail))


def _position(document: Document, entity: int) -> list[tuple[int, int]]:
    """Return where a document mentions an entity, which sorts entities by their first mention."""
    return sorted((mention.sentence, mention.start) for mention in document.entities[entity].mentions)


def _mirrored(document: Document) -> int:
    listed = set(document.candidates or ())
    return sum(head != tail and (tail, head) in listed for head, tail in listed)


def _are_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
