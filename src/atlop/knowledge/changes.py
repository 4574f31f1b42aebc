"""Documents that enter and leave a store, and the entities and links that change with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Quad, Store

from atlop.documents import Document
from atlop.errors import DataError
from atlop.knowledge.fact import Source
from atlop.knowledge.graph import Node
from atlop.knowledge.identity import node_id
from atlop.knowledge.merging import Key
from atlop.knowledge.names import normalized
from atlop.knowledge.rdf import terms
from atlop.knowledge.rdf.census import Census
from atlop.knowledge.rdf.links import Statement, direct_quad, links, statements_about, statements_for, statements_in
from atlop.knowledge.rdf.patterns import DEFAULT, matching
from atlop.knowledge.rdf.terms import iri
from atlop.knowledge.rdf.triples import document_iri, node_triples, relation_labels, source_triples

BLOCK = 256
"""Documents that are written at once."""


class Changes:
    """Additions to and removals from a store, which take effect together.

    Args:
        path: the database, which nobody else has open; it is made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._database = Store(str(path))
        self._census = Census(self._database)
        self._node_of = {quad.subject: _name(quad.object) for quad in matching(self._database, None, terms.IN_ENTITY)}
        self._waiting: list[Source] = []
        self._touched: set[str] = set()
        self._doubtful: set[Quad] = set()

    def __contains__(self, title: str) -> bool:
        """Return whether there is a document with this title, with all changes so far."""
        return document_iri(title) in self._census.titles

    def add(self, document: Document, *, replace: bool = False) -> None:
        """Add a document, gold or predicted.

        Args:
            document: the document.
            replace: whether it may replace the document of the same title.

        Raises:
            DataError: if there is one and it may not.
        """
        if document.title in self:
            if not replace:
                raise DataError("is in this graph already; replace it, or remove it first", document=document.title)
            self.remove(document.title)
        source = Source.of(document)
        self._census.add(source)
        self._waiting.append(source)
        if len(self._waiting) == BLOCK:
            self._write_waiting()

    def remove(self, title: str) -> None:
        """Remove a document with all that only it states.

        Raises:
            DataError: if there is none of this title.
        """
        if title not in self:
            raise DataError("is not in this graph", document=title)
        self._write_waiting()
        graph = document_iri(title)
        self._unlink(statements_in(self._database, graph))
        for cluster in self._census.remove(graph):
            self._forget(cluster)
        self._database.remove_graph(graph)

    def _write_waiting(self) -> None:
        self._database.bulk_extend(quad for source in self._waiting for quad in _quads(source))
        self._waiting.clear()

    def _unlink(self, statements: Iterable[Statement]) -> None:
        """Remove the links of statements; their direct triples may be supported by others."""
        for statement in statements:
            if {statement.head, statement.tail} <= self._node_of.keys():  # else it is not linked yet
                for quad in links(statement, self._node_of):
                    self._database.remove(quad)
                self._doubtful.add(direct_quad(statement, self._node_of))

    def _forget(self, cluster: NamedNode) -> None:
        """Take a cluster from its entity, which may lose its name or vanish with it."""
        node = self._node_of.pop(cluster, None)
        if node is not None:
            self._touched.add(node)
            self._database.remove(_membership(cluster, node))

    def apply(self) -> None:
        """Merge anew, and rewrite the links and the entities that have changed."""
        self._write_waiting()
        keys = self._census.keys()
        after = {cluster: node_id(key) for cluster, key in keys.items()}
        moved = [cluster for cluster, node in after.items() if self._node_of.get(cluster) != node]
        statements = list(statements_about(self._database, moved))
        self._unlink(statements)
        for cluster in moved:
            self._forget(cluster)
        self._link(statements, after, moved)
        self._touched.update(after[cluster] for cluster in moved)
        self._settle_doubts()
        self._describe(keys)

    def close(self) -> None:
        """Write everything to disk and close the database."""
        self._database.flush()
        del self._database

    def _link(self, statements: list[Statement], after: Mapping[NamedNode, str], moved: list[NamedNode]) -> None:
        self._node_of = dict(after)
        self._database.bulk_extend(_membership(cluster, after[cluster]) for cluster in moved)
        self._database.bulk_extend(
            quad for statement in statements for quad in (*links(statement, after), direct_quad(statement, after))
        )

    def _settle_doubts(self) -> None:
        for direct in self._doubtful:
            if not statements_for(self._database, direct):
                self._database.remove(direct)
        self._doubtful.clear()

    def _describe(self, keys: dict[NamedNode, Key]) -> None:
        """Describe the entities anew whose clusters have changed; one without clusters vanishes."""
        for node in self._touched:
            for quad in list(_description(self._database, iri("entity", node))):
                self._database.remove(quad)
        nodes = self._census.nodes(keys, self._touched)
        self._database.bulk_extend(quad for node in nodes for quad in _node_quads(node))
        self._touched.clear()


def _name(entity: NamedNode) -> str:
    return terms.name_of("entity", entity)


def _membership(cluster: NamedNode, node: str) -> Quad:
    return Quad(cluster, terms.IN_ENTITY, iri("entity", node), DEFAULT)


def _quads(source: Source) -> Iterator[Quad]:
    graph = document_iri(source.title)
    for triples in (source_triples(source), relation_labels(source)):
        for triple in triples:
            yield Quad(triple.subject, triple.predicate, triple.object, graph)


DESCRIPTION: Collection[NamedNode] = (terms.TYPE, terms.ENTITY_TYPE, terms.LABEL, terms.ALTERNATIVE, terms.IDENTIFIER)
"""The properties of an entity that are not links."""


def _description(database: Store, entity: NamedNode) -> Iterator[Quad]:
    """Yield the quads that describe an entity."""
    for predicate in DESCRIPTION:
        yield from matching(database, entity, predicate, graph=DEFAULT)
    yield from matching(database, entity, graph=terms.INDEX_GRAPH)


def _node_quads(node: Node) -> Iterator[Quad]:
    for triple in node_triples(node):
        yield Quad(triple.subject, triple.predicate, triple.object, DEFAULT)
    for name in {*map(normalized, node.names), normalized(node.label)}:
        yield Quad(iri("entity", node.id), terms.NORMALIZED, Literal(name), terms.INDEX_GRAPH)
