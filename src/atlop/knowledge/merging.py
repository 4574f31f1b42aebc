"""Which entities of different documents are the same.

The *principal name* of an entity is the longest of the normalized names that identify it. Two entities are the same if
they have the same type and the same identifier or, if neither has an identifier, the same principal name. If at least
half of the entities of a type that bear a name, and at least two, have the same longer principal name, the name is an
alias of it: ``NFL`` of ``National Football League``. A :class:`Rule` for each type says which names identify anything
at all.

Which entities are the same depends only on the documents in the graph, not on their order, so removing a document
leaves no trace.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from atlop.knowledge.fact import Cluster
from atlop.knowledge.names import normalized


@dataclass(frozen=True, slots=True)
class Rule:
    """When names of one type of entity identify it across documents."""

    identifying: str
    """Regular expression that a normalized name must match; an entity without such a name is never merged."""
    alias: float | None = 0.5
    """The smallest share of the entities bearing a name that must have the same principal name to make the name its
    alias; ``None`` for no aliases."""


# In many scripts, a name ends in a mark, which is no \w.
_TWO_CHARACTERS = Rule(r"\w.*\w.*")
_TWO_WORDS = Rule(r"\w.* .*\w.*")
_YEAR = Rule(r"(.* )?[12]\d{3}( .*)?", alias=None)
_NOTHING = Rule(r"(?!)", alias=None)

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        # A person with a one-word name, such as Smith, is probably a different one in the next document.
        **dict.fromkeys(("PER", "PERSON"), _TWO_WORDS),
        # Every year has a May; 12 May 1840 is a single day.
        **dict.fromkeys(("TIME", "DATE"), _YEAR),
        # Two documents that count to seven have nothing in common.
        **dict.fromkeys(("NUM", "CARDINAL", "MONEY", "ORDINAL", "PERCENT", "QUANTITY"), _NOTHING),
    }
)
"""The rules of the types that have one of their own."""
DEFAULT = _TWO_CHARACTERS
"""The rule of all other types."""
UNKNOWN = frozenset({"", "-", "-1"})
"""What corpora write for an entity that is in no knowledge base."""
WITNESSES = 2
"""The fewest entities that make a name an alias; one may be a mistake."""


class Key(NamedTuple):
    """What all clusters of an entity have in common, and no cluster of another entity has."""

    kind: str
    """``identifier``, ``name``, or ``alone`` for a cluster that is never merged."""
    type: str
    """Type of the entity."""
    name: str
    """The identifier, or the normalized principal name."""
    document: str = ""
    """Title of the document of a cluster that is never merged."""
    number: int = 0
    """Index of such a cluster in the document."""


class Merging:
    """The rules applied to a set of documents.

    Args:
        clusters: the clusters of all of them.
    """

    def __init__(self, clusters: Iterable[Cluster]) -> None:
        self._principals: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for cluster in clusters:
            names = () if identifier(cluster) else identifying_names(cluster)
            for name in names:
                self._principals[cluster.type, name][names[0]] += 1

    def key(self, cluster: Cluster) -> Key:
        """Return the key of the entity that one of the clusters belongs to."""
        known = identifier(cluster)
        if known is not None:
            return Key("identifier", cluster.type, known)
        names = identifying_names(cluster)
        if not names:
            return Key("alone", cluster.type, normalized(cluster.name), cluster.document, cluster.index)
        return Key("name", cluster.type, self._resolved(cluster.type, names[0]))

    def _resolved(self, kind: str, name: str) -> str:
        """Follow aliases to a name that is not one; each is longer or, at equal length, sorts first, so this ends."""
        threshold = RULES.get(kind, DEFAULT).alias
        while threshold is not None:
            counts = self._principals[kind, name]
            found = max(counts, key=lambda principal: (counts[principal], principal != name, principal))
            if found == name or counts[found] < max(WITNESSES, threshold * counts.total()):
                break
            name = found
        return name


def identifier(cluster: Cluster) -> str | None:
    """Return the identifier of a cluster; ``None`` if it has none, or one that says so."""
    return None if cluster.identifier is None or cluster.identifier in UNKNOWN else cluster.identifier


def identifying_names(cluster: Cluster) -> tuple[str, ...]:
    """Return the normalized names that identify a cluster by the rule of its type, the principal name first."""
    names = {normalized(mention.text) for mention in cluster.mentions}
    found = (name for name in names if identifies(cluster.type, name))
    return tuple(sorted(found, key=lambda name: (-len(name), name)))


def identifies(kind: str, name: str) -> bool:
    """Return whether a normalized name identifies an entity of a type across documents."""
    return re.fullmatch(RULES.get(kind, DEFAULT).identifying, name) is not None
