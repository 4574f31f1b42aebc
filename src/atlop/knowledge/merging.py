"""Which entities of different documents are one.

An entity is named by its *principal name*: the longest of its normalized names. Two entities are one if they have the
same type and the same principal name, or the same type and the same identifier where the corpus has identifiers. If at
least half of the entities of a type that bear a name, and at least two, have the same longer principal name, the name
is an alias of it: ``NFL`` of ``National Football League``. A :class:`Rule` for each type says which names identify
anything at all.

Which entities are one depends on the documents in the graph and on nothing else, such as their order. Therefore a
document that is removed leaves no trace.
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
    """The smallest share of the entities that bear a name which makes it an alias of a principal name that they share;
    ``None`` for no aliases."""


_TWO_CHARACTERS = Rule(r"\w.*\w")
_TWO_WORDS = Rule(r"\w+ .*\w")
_YEAR = Rule(r"(.* )?[12]\d{3}( .*)?", alias=None)
_NOTHING = Rule(r"(?!)", alias=None)

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        # A person of one word, such as Smith, is another one in the next document.
        **dict.fromkeys(("PER", "PERSON"), _TWO_WORDS),
        # May is every year's; 12 May 1840 is one day.
        **dict.fromkeys(("TIME", "DATE"), _YEAR),
        # That two documents count to seven does not relate them.
        **dict.fromkeys(("NUM", "CARDINAL", "MONEY", "ORDINAL", "PERCENT", "QUANTITY"), _NOTHING),
    }
)
"""The rules of the types that have one of their own."""
DEFAULT = _TWO_CHARACTERS
"""The rule of all other types."""
UNKNOWN = frozenset({"", "-", "-1"})
"""What corpora write where an entity is in no knowledge base."""
WITNESSES = 2
"""The fewest entities that make a name an alias; one may be a mistake."""


class Key(NamedTuple):
    """What all clusters of an entity have in common, and no cluster of another."""

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
        """Follow aliases to a name that is none; each is longer than the one before, so this ends."""
        threshold = RULES.get(kind, DEFAULT).alias
        while threshold is not None:
            counts = self._principals[kind, name]
            found = max(counts, key=lambda principal: (counts[principal], principal != name, principal))
            if found == name or counts[found] < max(WITNESSES, threshold * counts.total()):
                break
            name = found
        return name


def identifier(cluster: Cluster) -> str | None:
    """Return the identifier of a cluster, unless it says that there is none."""
    return None if cluster.identifier is None or cluster.identifier in UNKNOWN else cluster.identifier


def identifying_names(cluster: Cluster) -> tuple[str, ...]:
    """Return the normalized names that identify a cluster by the rule of its type, the principal name first."""
    names = {normalized(mention.text) for mention in cluster.mentions}
    found = (name for name in names if identifies(cluster.type, name))
    return tuple(sorted(found, key=lambda name: (-len(name), name)))


def identifies(kind: str, name: str) -> bool:
    """Return whether a normalized name identifies an entity of a type across documents."""
    return re.fullmatch(RULES.get(kind, DEFAULT).identifying, name) is not None
