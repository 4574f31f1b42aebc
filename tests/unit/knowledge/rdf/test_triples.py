"""Triples of graphs, and documents read back from them."""

from __future__ import annotations

from collections.abc import Callable

from pyoxigraph import Quad, Triple

from atlop.documents import Document
from atlop.knowledge import Graph, Source
from atlop.knowledge.rdf.reading import read_source
from atlop.knowledge.rdf.terms import iri
from atlop.knowledge.rdf.triples import document_iri, graph_triples, relation_labels, source_triples


def read_back(document: Document) -> Source:
    source, graph = Source.of(document), document_iri(document.title)
    triples = [*source_triples(source), *relation_labels(source)]
    return read_source(Quad(*triple, graph) for triple in reversed(triples))


def test_a_document_is_read_back(two_documents: list[Document], random_document: Callable[[int], Document]) -> None:
    for document in [*two_documents, *map(random_document, range(30))]:
        assert read_back(document) == Source.of(document)


def test_a_mention_of_two_digits_comes_after_one_of_one(make_document: Callable[..., Document]) -> None:
    document = make_document("a", ("PER", "|".join(f"Ada Nr{number}" for number in range(12))))
    assert read_back(document) == Source.of(document)


def test_a_fact_is_a_triple_and_a_statement(two_documents: list[Document]) -> None:
    graph = Graph.of_documents(two_documents)
    triples = set(graph_triples(graph))
    ada, kingdom = (iri("entity", node.id) for node in graph.nodes[:2])
    assert Triple(ada, iri("wdt", "P27"), kingdom) in triples
    statements = {triple.object for triple in triples if triple.subject == ada and triple.predicate == iri("p", "P27")}
    assert statements == {iri("statement", graph.edges[0].id), iri("statement", graph.edges[2].id)}
    assert all(Triple(statement, iri("ps", "P27"), kingdom) in triples for statement in statements)


def test_no_triple_comes_twice_and_none_names_an_item_of_wikidata(two_documents: list[Document]) -> None:
    triples = list(graph_triples(Graph.of_documents(two_documents)))
    assert len(triples) == len(set(triples))
    assert not [triple for triple in triples if "wikidata.org/entity" in str(triple)]
