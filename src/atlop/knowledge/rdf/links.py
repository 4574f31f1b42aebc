"""The links from entities to clusters, to statements and to each other, which change with the merging."""

from __future__ import annotations

from pyoxigraph import NamedNode, Quad, Store

from atlop.knowledge.census import Entry
from atlop.knowledge.rdf import terms
from atlop.knowledge.rdf.patterns import DEFAULT, matching
from atlop.knowledge.rdf.terms import iri, properties, relation_of
from atlop.knowledge.rdf.triples import cluster_iri, statement_iri


def entity_links(title: str, entry: Entry) -> set[Quad]:
    """Return the quads that say which entity each cluster of a document belongs to, if it is merged."""
    clusters = (cluster_iri(title, index) for index in range(len(entry.nodes)))
    nodes = (iri("entity", node) for node in entry.nodes)
    return {Quad(cluster, terms.IN_ENTITY, node, DEFAULT) for cluster, node in zip(clusters, nodes, strict=True)}


def statement_links(title: str, entry: Entry) -> set[Quad]:
    """Return the quads from the heads to the statements of a document and from there to the tails, if it is merged."""
    found = set()
    for head, tail, name in entry.facts if entry.nodes else ():
        relation, statement = properties(name), statement_iri(title, head, tail, name)
        found.add(Quad(iri("entity", entry.nodes[head]), relation.stated, statement, DEFAULT))
        found.add(Quad(statement, relation.value, iri("entity", entry.nodes[tail]), DEFAULT))
    return found


def direct_quad(head: str, relation: str, tail: str) -> Quad:
    """Return the quad that states a fact and nothing else."""
    return Quad(iri("entity", head), properties(relation).direct, iri("entity", tail), terms.DIRECT_GRAPH)


def statements_for(database: Store, direct: Quad) -> list[NamedNode]:
    """Return the statements that support a direct triple.

    One end may have thousands of statements of the relation; both are read in step, up to the end of the shorter list.
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
