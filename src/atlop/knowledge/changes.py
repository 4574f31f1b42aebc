"""Documents that enter and leave a store, and the entities and links that change with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path

from pyoxigraph import Literal, Quad, Store

from atlop.documents import Document
from atlop.errors import DataError
from atlop.knowledge.census import Census, Entry, direct
from atlop.knowledge.fact import Source
from atlop.knowledge.generations import CENSUS, DATABASE, NEIGHBOURS, readable, writing
from atlop.knowledge.graph import Node
from atlop.knowledge.identity import node_id
from atlop.knowledge.merging import Key
from atlop.knowledge.names import normalized
from atlop.knowledge.neighbours import Neighbours
from atlop.knowledge.rdf import terms
from atlop.knowledge.rdf.links import direct_quad, entity_links, statement_links
from atlop.knowledge.rdf.patterns import DEFAULT, matching
from atlop.knowledge.rdf.terms import iri
from atlop.knowledge.rdf.triples import document_iri, node_triples, relation_labels, source_triples

BLOCK = 256
"""Number of documents that are written at once."""

DESCRIPTION = (terms.TYPE, terms.ENTITY_TYPE, terms.LABEL, terms.ALTERNATIVE, terms.IDENTIFIER)
"""The properties of an entity that are not links."""


class Changes:
    """Additions to and removals from a graph, which take effect together.

    Args:
        folder: a generation of the graph, which nobody else has open; it may be empty.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with readable(folder / CENSUS):
            self._census = Census(folder / CENSUS if (folder / CENSUS).exists() else None)
        with self._writing():
            self._database = Store(str(folder / DATABASE))
        self._described = {node for entry in self._census.entries.values() for node in entry.nodes}
        self._waiting: list[Source] = []
        self._touched: set[str] = set()
        self._doubtful: set[tuple[str, str, str]] = set()

    def __contains__(self, title: str) -> bool:
        """Return whether the graph has a document with this title after all changes so far."""
        return title in self._census.entries

    def add(self, document: Document, *, replace: bool = False) -> None:
        """Add a document, gold or predicted.

        Args:
            document: the document.
            replace: whether it may replace the document of the same title.

        Raises:
            DataError: if there is such a document and it may not be replaced.
        """
        if document.title in self:
            if not replace:
                raise DataError("is in this graph already; replace it, or remove it first", document=document.title)
            self.remove(document.title)
        source = Source.of(document)
        self._census.entries[source.title] = Entry.of(source)
        self._waiting.append(source)
        if len(self._waiting) == BLOCK:
            self._write_waiting()

    def remove(self, title: str) -> None:
        """Remove a document and everything that it alone states.

        Raises:
            DataError: if there is no document with this title.
        """
        if title not in self:
            raise DataError("is not in this graph", document=title)
        if any(source.title == title for source in self._waiting):
            self._write_waiting()
        entry = self._census.entries.pop(title)
        self._touched.update(entry.nodes)
        self._doubtful |= direct(entry)
        with self._writing():
            for quad in _links(title, entry):
                self._database.remove(quad)
            self._database.remove_graph(document_iri(title))

    def _writing(self) -> AbstractContextManager[None]:
        return writing(self._folder.parent)

    def _write_waiting(self) -> None:
        with self._writing():
            self._database.bulk_extend(quad for source in self._waiting for quad in _quads(source))
        self._waiting.clear()

    def apply(self) -> None:
        """Merge again, and rewrite the links and the entities that have changed.

        Raises:
            DataError: if the graph cannot be written.
        """
        self._write_waiting()
        with self._writing():
            self._merge()
            self._database.flush()

    def _merge(self) -> None:
        keys, named = self._census.keys(), cache(node_id)
        found: list[set[Quad]] = []
        for title, entry in self._census.entries.items():
            nodes = tuple(map(named, keys[title]))
            if nodes != entry.nodes:
                found.append(self._move(title, entry, nodes))
        self._database.bulk_extend(quad for quads in found for quad in quads)
        self._settle_doubts()
        self._describe(keys)
        self._census.write(self._folder / CENSUS)
        triples = self._census.triples()
        Neighbours.of((head, tail) for head, _, tail in triples).write(self._folder / NEIGHBOURS)

    def _move(self, title: str, entry: Entry, nodes: tuple[str, ...]) -> set[Quad]:
        """Assign the clusters of a document to other entities, and return the new links."""
        before = _links(title, entry)
        self._touched.update(entry.nodes, nodes)
        self._doubtful |= direct(entry)
        entry.nodes = nodes
        after = _links(title, entry)
        for quad in before - after:
            self._database.remove(quad)
        return (after - before) | {direct_quad(*triple) for triple in direct(entry)}

    def _settle_doubts(self) -> None:
        """Remove the direct triples that no document states any more."""
        for triple in self._doubtful - self._census.triples():
            self._database.remove(direct_quad(*triple))
        self._doubtful.clear()

    def _describe(self, keys: Mapping[str, list[Key]]) -> None:
        """Rewrite the descriptions of the entities whose clusters have changed; one without clusters is removed."""
        for node in self._touched & self._described:
            for quad in _description(self._database, node):
                self._database.remove(quad)
        nodes = self._census.nodes(keys, self._touched)
        self._database.bulk_extend(quad for node in nodes for quad in _node_quads(node))
        self._described |= self._touched
        self._touched.clear()

    def close(self) -> None:
        """Close the database."""
        del self._database


def _links(title: str, entry: Entry) -> set[Quad]:
    """Return the quads that link the entities to the clusters and the facts of a document, if it is merged."""
    return entity_links(title, entry) | statement_links(title, entry)


def _quads(source: Source) -> Iterator[Quad]:
    graph = document_iri(source.title)
    for triples in (source_triples(source), relation_labels(source)):
        for triple in triples:
            yield Quad(triple.subject, triple.predicate, triple.object, graph)


def _description(database: Store, node: str) -> list[Quad]:
    """Return the quads that describe an entity."""
    subject = iri("entity", node)
    found = [quad for predicate in DESCRIPTION for quad in matching(database, subject, predicate, graph=DEFAULT)]
    return [*found, *matching(database, subject, graph=terms.INDEX_GRAPH)]


def _node_quads(node: Node) -> Iterator[Quad]:
    for triple in node_triples(node):
        yield Quad(triple.subject, triple.predicate, triple.object, DEFAULT)
    for name in {*map(normalized, node.names), normalized(node.label)}:
        yield Quad(iri("entity", node.id), terms.NORMALIZED, Literal(name), terms.INDEX_GRAPH)
