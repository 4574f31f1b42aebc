"""What merging needs to know about all documents in a store, kept beside the database, which is slow to read.

Each line of the file describes a document: its title; for each cluster the type, the identifier, the names and the
entity; and for each fact the indices of head and tail and the relation.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from atlop.knowledge.fact import Cluster, Passage, Source
from atlop.knowledge.graph import Node
from atlop.knowledge.merging import Key, Merging


@dataclass
class Entry:
    """A document in the census."""

    clusters: tuple[Cluster, ...]
    """Its clusters; the file keeps only the names of their mentions."""
    facts: tuple[tuple[int, int, str], ...]
    """Head, tail and relation of its facts."""
    nodes: tuple[str, ...] = ()
    """The entity of each cluster; empty until the document is merged."""

    @classmethod
    def of(cls, source: Source) -> Entry:
        """Return the entry of a document that is not merged yet."""
        facts = tuple((fact.head.index, fact.tail.index, fact.relation) for fact in source.facts)
        return cls(source.clusters, facts)

    @classmethod
    def from_line(cls, line: str) -> tuple[str, Entry]:
        """Read an entry and its title."""
        title, clusters, facts = json.loads(line)
        found = tuple(
            Cluster(title, index, kind, tuple(Passage(0, name) for name in names), identifier)
            for index, (kind, identifier, names, _) in enumerate(clusters)
        )
        return title, cls(found, tuple(map(tuple, facts)), tuple(cluster[-1] for cluster in clusters))

    def to_line(self, title: str) -> str:
        """Return the entry as a line; the document must have been merged."""
        clusters = [
            (cluster.type, cluster.identifier, [mention.text for mention in cluster.mentions], node)
            for cluster, node in zip(self.clusters, self.nodes, strict=True)
        ]
        return json.dumps([title, clusters, self.facts]) + "\n"


class Census:
    """The documents of a store, by title.

    Args:
        path: the file to read; ``None`` for a new store.
    """

    def __init__(self, path: Path | None) -> None:
        self.entries: dict[str, Entry] = {}
        if path is not None:
            with path.open(encoding="utf-8") as lines:
                self.entries.update(map(Entry.from_line, lines))

    def write(self, path: Path) -> None:
        """Write all entries to a file."""
        with path.open("w", encoding="utf-8") as file:
            file.writelines(entry.to_line(title) for title, entry in self.entries.items())

    def clusters(self) -> Iterator[Cluster]:
        """Yield the clusters of all documents."""
        for entry in self.entries.values():
            yield from entry.clusters

    def keys(self) -> dict[str, list[Key]]:
        """Return the key of each cluster of each document."""
        merging = Merging(self.clusters())
        return {title: list(map(merging.key, entry.clusters)) for title, entry in self.entries.items()}

    def nodes(self, keys: Mapping[str, list[Key]], wanted: Collection[str]) -> Iterator[Node]:
        """Yield the wanted entities that have clusters; all documents must be merged.

        Args:
            keys: what :meth:`keys` returned.
            wanted: identifiers of entities.
        """
        names: defaultdict[Key, Counter[str]] = defaultdict(Counter)
        for title, entry in self.entries.items():
            for cluster, node, key in zip(entry.clusters, entry.nodes, keys[title], strict=True):
                if node in wanted:
                    names[key].update(mention.text for mention in cluster.mentions)
        yield from (Node.of(key, counts) for key, counts in names.items())

    def triples(self) -> set[tuple[str, str, str]]:
        """Return head, relation and tail of every fact, each once."""
        return {triple for entry in self.entries.values() for triple in direct(entry)}


def direct(entry: Entry) -> set[tuple[str, str, str]]:
    """Return head, relation and tail of each fact of a document; nothing if it is not merged yet."""
    if not entry.nodes:
        return set()
    return {(entry.nodes[head], relation, entry.nodes[tail]) for head, tail, relation in entry.facts}
