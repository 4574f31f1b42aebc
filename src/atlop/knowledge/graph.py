"""One graph over many documents: nodes are merged entities, and an edge is a fact as one document states it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from atlop.documents import Document
from atlop.errors import DataError
from atlop.knowledge.fact import Cluster, Fact, Source
from atlop.knowledge.identity import node_id, statement_id
from atlop.knowledge.merging import Key, Merging, identifies
from atlop.knowledge.names import normalized


@dataclass(frozen=True, slots=True)
class Node:
    """An entity of the graph, which stands for clusters of one or several documents."""

    id: str
    """Identifier, derived from the key of the entity."""
    type: str
    """Entity type, such as ``PER``."""
    label: str
    """The most frequent name, of those that identify the entity if there are any."""
    names: tuple[str, ...]
    """Every name as it is written in some document, sorted."""
    identifier: str | None = None
    """Identifier in a knowledge base, if the corpus has one."""

    @classmethod
    def of(cls, key: Key, names: Mapping[str, int]) -> Node:
        """Describe the entity of a key.

        Args:
            key: what its clusters have in common.
            names: how often each name occurs.
        """
        written = {name: count for name, count in names.items() if name.strip()}
        full = [name for name in written if identifies(key.type, normalized(name))]
        label = min(full or written, key=lambda name: (-written[name], name), default=key.name)
        identifier = key.name if key.kind == "identifier" else None
        return cls(node_id(key), key.type, label, tuple(sorted(written)), identifier)


@dataclass(frozen=True, slots=True)
class Edge:
    """A fact between two nodes, as one document states it; several documents give several edges."""

    id: str
    """Identifier of the statement."""
    head: str
    """Identifier of the head node."""
    tail: str
    """Identifier of the tail node."""
    fact: Fact
    """The fact, with its document, sentences and confidence."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and edges, and what they were made of."""

    nodes: tuple[Node, ...]
    """The entities, in the order of their first cluster."""
    edges: tuple[Edge, ...]
    """The facts, in the order of the documents."""
    sources: tuple[Source, ...]
    """What the graph keeps of each document."""
    node_of: Mapping[tuple[str, int], str]
    """Identifier of the node of each cluster, by title of the document and index of the cluster."""

    @classmethod
    def of(cls, sources: Iterable[Source]) -> Graph:
        """Merge what was read off documents.

        Raises:
            DataError: if two documents have the same title.
        """
        found = tuple(_distinct(sources))
        keys = _keys(found)
        node_of = {place: node_id(key) for place, key in keys.items()}
        edges = tuple(edge(fact, node_of) for source in found for fact in source.facts)
        return cls(_nodes(found, keys), edges, found, node_of)

    @classmethod
    def of_documents(cls, documents: Iterable[Document]) -> Graph:
        """Merge documents, gold or predicted.

        Raises:
            DataError: if two have the same title.
        """
        return cls.of(map(Source.of, documents))


def place(cluster: Cluster) -> tuple[str, int]:
    """Return where a cluster is: the title of its document, and its index there."""
    return cluster.document, cluster.index


def edge(fact: Fact, node_of: Mapping[tuple[str, int], str]) -> Edge:
    """Return the edge of a fact, given the nodes of the clusters."""
    statement = statement_id(fact.document, fact.head.index, fact.tail.index, fact.relation)
    return Edge(statement, node_of[place(fact.head)], node_of[place(fact.tail)], fact)


def _distinct(sources: Iterable[Source]) -> Iterator[Source]:
    """Yield sources as they come, up to the first whose title has occurred before."""
    titles: set[str] = set()
    for source in sources:
        if source.title in titles:
            problem = "got 2 documents with this title, expected every title once, as facts are traced by it"
            raise DataError(problem, document=source.title, field="title")
        titles.add(source.title)
        yield source


def _keys(sources: tuple[Source, ...]) -> dict[tuple[str, int], Key]:
    clusters = [cluster for source in sources for cluster in source.clusters]
    merging = Merging(clusters)
    return {place(cluster): merging.key(cluster) for cluster in clusters}


def _nodes(sources: tuple[Source, ...], keys: Mapping[tuple[str, int], Key]) -> tuple[Node, ...]:
    names: defaultdict[Key, Counter[str]] = defaultdict(Counter)
    for source in sources:
        for cluster in source.clusters:
            names[keys[place(cluster)]].update(mention.text for mention in cluster.mentions)
    return tuple(Node.of(key, counts) for key, counts in names.items())
