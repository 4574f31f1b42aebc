"""Triples of documents, nodes and edges.

Those of a document depend on the document alone. Those of nodes and edges depend on the merging, and change with the
other documents of the graph.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyoxigraph import Literal, NamedNode, Triple

from atlop.knowledge.fact import Cluster, Fact, Passage, Source
from atlop.knowledge.graph import Edge, Graph, Node
from atlop.knowledge.identity import document_id, statement_id
from atlop.knowledge.rdf import terms
from atlop.knowledge.rdf.terms import iri, properties

_INTEGER, _DOUBLE = iri("xsd", "integer"), iri("xsd", "double")


def graph_triples(graph: Graph) -> Iterator[Triple]:
    """Yield every triple of a graph, each once."""
    yield from dict.fromkeys(direct_triple(edge) for edge in graph.edges)
    for edge in graph.edges:
        yield from statement_links(edge)
    for node in graph.nodes:
        yield from node_triples(node)
    labels: set[Triple] = set()
    for source in graph.sources:
        for cluster in source.clusters:
            yield cluster_link(cluster, graph.node_of[source.title, cluster.index])
        labels.update(relation_labels(source))
        yield from source_triples(source)
    yield from sorted(labels, key=str)


def direct_triple(edge: Edge) -> Triple:
    """Return the triple that states the fact and nothing else."""
    return Triple(iri("entity", edge.head), properties(edge.fact.relation).direct, iri("entity", edge.tail))


def statement_links(edge: Edge) -> Iterator[Triple]:
    """Yield the triples from the head node to the statement and from there to the tail node."""
    relation, statement = properties(edge.fact.relation), iri("statement", edge.id)
    yield Triple(iri("entity", edge.head), relation.stated, statement)
    yield Triple(statement, relation.value, iri("entity", edge.tail))


def node_triples(node: Node) -> Iterator[Triple]:
    """Yield the triples that describe a node."""
    subject = iri("entity", node.id)
    yield Triple(subject, terms.TYPE, terms.ENTITY)
    yield Triple(subject, terms.ENTITY_TYPE, Literal(node.type))
    yield Triple(subject, terms.LABEL, Literal(node.label))
    for name in node.names:
        if name != node.label:
            yield Triple(subject, terms.ALTERNATIVE, Literal(name))
    if node.identifier is not None:
        yield Triple(subject, terms.IDENTIFIER, Literal(node.identifier))


def cluster_link(cluster: Cluster, node: str) -> Triple:
    """Return the triple that says which node a cluster belongs to."""
    return Triple(cluster_iri(cluster.document, cluster.index), terms.IN_ENTITY, iri("entity", node))


def cluster_iri(title: str, index: int) -> NamedNode:
    """Return the IRI of a cluster of a document."""
    return iri("cluster", f"{document_id(title)}-{index}")


def statement_iri(title: str, head: int, tail: int, relation: str) -> NamedNode:
    """Return the IRI of a fact as a document states it; head and tail are the indices of clusters."""
    return iri("statement", statement_id(title, head, tail, relation))


def document_iri(title: str) -> NamedNode:
    """Return the IRI of a document, which is also that of its named graph in a store."""
    return iri("document", document_id(title))


def relation_labels(source: Source) -> Iterator[Triple]:
    """Yield the display names of the relations of a document."""
    for fact in source.facts:
        if fact.name is not None:
            yield Triple(properties(fact.relation).direct, terms.LABEL, Literal(fact.name))


def source_triples(source: Source) -> Iterator[Triple]:
    """Yield the triples of a document, except the display names of its relations."""
    document = document_iri(source.title)
    yield Triple(document, terms.TYPE, terms.DOCUMENT)
    yield Triple(document, terms.TITLE, Literal(source.title))
    for cluster in source.clusters:
        yield from _cluster_triples(cluster, document)
    for fact in source.facts:
        yield from _statement_triples(fact, document)
    sentences = {passage.sentence: passage for fact in source.facts for passage in fact.sentences}
    for passage in sentences.values():
        yield from _passage_triples(_sentence_iri(source.title, passage), terms.SENTENCE, passage, document)


def _cluster_triples(cluster: Cluster, document: NamedNode) -> Iterator[Triple]:
    subject, place = cluster_iri(cluster.document, cluster.index), f"{document_id(cluster.document)}-{cluster.index}"
    yield Triple(subject, terms.TYPE, terms.CLUSTER)
    yield Triple(subject, terms.IN_DOCUMENT, document)
    yield Triple(subject, terms.ENTITY_TYPE, Literal(cluster.type))
    if cluster.identifier is not None:
        yield Triple(subject, terms.IDENTIFIER, Literal(cluster.identifier))
    for number, passage in enumerate(cluster.mentions):
        mention = iri("passage", f"{place}-{number}")
        yield Triple(subject, terms.HAS_MENTION, mention)
        yield from _passage_triples(mention, terms.MENTION, passage, document)


def _statement_triples(fact: Fact, document: NamedNode) -> Iterator[Triple]:
    subject = statement_iri(fact.document, fact.head.index, fact.tail.index, fact.relation)
    yield Triple(subject, terms.TYPE, terms.STATEMENT)
    yield Triple(subject, terms.IN_DOCUMENT, document)
    yield Triple(subject, terms.HEAD, cluster_iri(fact.document, fact.head.index))
    yield Triple(subject, terms.TAIL, cluster_iri(fact.document, fact.tail.index))
    yield Triple(subject, terms.RELATION, properties(fact.relation).direct)
    if fact.confidence is not None:
        yield Triple(subject, terms.CONFIDENCE, Literal(repr(float(fact.confidence)), datatype=_DOUBLE))
    for passage in fact.sentences:
        yield Triple(
            subject, terms.EVIDENCE if fact.is_evidence else terms.NEAREST, _sentence_iri(fact.document, passage)
        )


def _sentence_iri(title: str, passage: Passage) -> NamedNode:
    return iri("passage", f"{document_id(title)}-s{passage.sentence}")


def _passage_triples(subject: NamedNode, kind: NamedNode, passage: Passage, document: NamedNode) -> Iterator[Triple]:
    yield Triple(subject, terms.TYPE, kind)
    yield Triple(subject, terms.HAS_SOURCE, document)
    yield Triple(subject, terms.SENTENCE_NUMBER, _integer(passage.sentence))
    yield Triple(subject, terms.TEXT, Literal(passage.text))
    if passage.span is not None:
        selector = NamedNode(f"{subject.value}-position")
        yield Triple(subject, terms.HAS_SELECTOR, selector)
        yield Triple(selector, terms.TYPE, terms.POSITION)
        yield Triple(selector, terms.START, _integer(passage.span[0]))
        yield Triple(selector, terms.END, _integer(passage.span[1]))


def _integer(number: int) -> Literal:
    return Literal(str(number), datatype=_INTEGER)
