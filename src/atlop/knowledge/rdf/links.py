"""The links from entities to statements, to clusters and to each other, which change with the merging."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from pyoxigraph import NamedNode, Quad, Store

from atlop.knowledge.rdf import terms
from atlop.knowledge.rdf.patterns import DEFAULT, matching
from atlop.knowledge.rdf.terms import iri, properties, relation_of


class Statement(NamedTuple):
    """A statement as a document makes it."""

    subject: NamedNode
    """Its IRI."""
    head: NamedNode
    """Cluster of the head."""
    tail: NamedNode
    """Cluster of the tail."""
    direct: NamedNode
    """Direct property of the relation."""


Nodes = Mapping[NamedNode, str]
"""The identifier of the entity of each cluster."""


def statements_in(database: Store, document: NamedNode) -> list[Statement]:
    """Return the statements of a document."""
    found = matching(database, None, terms.HEAD, graph=document)
    return [_statement(database, quad.subject, document) for quad in found]


def statements_about(database: Store, clusters: Iterable[NamedNode]) -> Iterator[Statement]:
    """Yield each statement once of which the head or the tail is one of the clusters."""
    seen = set()
    for cluster in clusters:
        for predicate in (terms.HEAD, terms.TAIL):
            for quad in matching(database, None, predicate, cluster):
                if quad.subject not in seen:
                    seen.add(quad.subject)
                    yield _statement(database, quad.subject, quad.graph_name)


def _statement(database: Store, subject: NamedNode, document: NamedNode) -> Statement:
    of = {quad.predicate: quad.object for quad in matching(database, subject, graph=document)}
    return Statement(subject, of[terms.HEAD], of[terms.TAIL], of[terms.RELATION])


def links(statement: Statement, nodes: Nodes) -> tuple[Quad, Quad]:
    """Return the quads from the head to the statement and from there to the tail."""
    relation = properties(relation_of(statement.direct))
    head, tail = iri("entity", nodes[statement.head]), iri("entity", nodes[statement.tail])
    return Quad(head, relation.stated, statement.subject, DEFAULT), Quad(
        statement.subject, relation.value, tail, DEFAULT
    )


def direct_quad(statement: Statement, nodes: Nodes) -> Quad:
    """Return the quad that states the fact and nothing else."""
    head, tail = iri("entity", nodes[statement.head]), iri("entity", nodes[statement.tail])
    return Quad(head, statement.direct, tail, terms.DIRECT_GRAPH)


def statements_for(database: Store, direct: Quad) -> list[NamedNode]:
    """Return the statements that support a direct triple.

    An end of it may have thousands of statements of the relation; no more are read than the other end has.
    """
    relation = properties(relation_of(direct.predicate))
    of_head = matching(database, direct.subject, relation.stated, graph=DEFAULT)
    of_tail = matching(database, None, relation.value, direct.object, graph=DEFAULT)
    from_head: list[NamedNode] = []
    from_tail: list[NamedNode] = []
    for quad in of_head:
        from_head.append(quad.object)
        other = next(of_tail, None)
        if other is None:
            return [found for found in from_tail if Quad(direct.subject, relation.stated, found, DEFAULT) in database]
        from_tail.append(other.subject)
    return [found for found in from_head if Quad(found, relation.value, direct.object, DEFAULT) in database]
