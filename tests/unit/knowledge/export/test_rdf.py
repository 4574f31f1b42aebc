"""Turtle, N-Triples and JSON-LD, read by rdflib and by pyoxigraph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyoxigraph
import pytest
import rdflib

from atlop.documents import Document
from atlop.knowledge import Graph, write
from atlop.knowledge.rdf.terms import PREFIXES
from atlop.knowledge.rdf.triples import graph_triples

FORMS = {
    "turtle": ("turtle", pyoxigraph.RdfFormat.TURTLE),
    "ntriples": ("nt", pyoxigraph.RdfFormat.N_TRIPLES),
    "jsonld": ("json-ld", pyoxigraph.RdfFormat.JSON_LD),
}
QUERY = """SELECT ?head ?tail ?document ?text ?confidence ?relation WHERE {
    ?h ?direct ?t ; ?stated ?statement ; rdfs:label ?head .
    ?direct rdfs:label ?relation .
    ?statement ?value ?t ; atlop:relation ?direct ; atlop:confidence ?confidence ; atlop:evidence ?sentence .
    ?sentence oa:hasSource/dcterms:title ?document ; atlop:text ?text .
    ?t rdfs:label ?tail . ?t a atlop:Entity .
} ORDER BY ?text"""


pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")  # by rdflib itself


def by_rdflib(path: Path, form: str) -> list[tuple[str, ...]]:
    graph = rdflib.Graph().parse(path, format=FORMS[form][0])
    rows = graph.query(QUERY, initNs=PREFIXES)
    return [tuple(str(term) for term in row) for row in rows]  # type: ignore[union-attr]


def by_pyoxigraph(path: Path, form: str) -> list[tuple[str, ...]]:
    store = pyoxigraph.Store()
    store.load(path=str(path), format=FORMS[form][1])
    return [tuple(term.value for term in row) for row in store.query(QUERY, prefixes=PREFIXES)]  # type: ignore[union-attr]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ask", [by_rdflib, by_pyoxigraph])
def test_others_answer_a_query(
    two_documents: list[Document], tmp_path: Path, ask: Callable[[Path, str], list[tuple[str, ...]]], form: str
) -> None:
    write(two_documents, tmp_path / "file", form)
    found = {(*row[:4], float(row[4]), row[5]) for row in ask(tmp_path / "file", form)}
    assert found == {
        ("Ada Lovelace", "United Kingdom", "Ada", text, 0.75, "country of citizenship")
        for text in ("Ada Lovelace here .", "United Kingdom here .")
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ask", [by_rdflib, by_pyoxigraph])
def test_hostile_names_pass(
    hostile: str,
    make_hostile: Callable[[str], Document],
    tmp_path: Path,
    ask: Callable[[Path, str], list[tuple[str, ...]]],
    form: str,
) -> None:
    document = make_hostile(hostile)
    write([document], tmp_path / "file", form)
    ((head, tail, title, text, confidence, relation),) = ask(tmp_path / "file", form)
    # Both entities have one identifier, so they are one; of equally frequent names the first is its label.
    assert (head, tail, title, text, float(confidence), relation) == (
        *(f"{hostile}1",) * 2,
        hostile,
        document.text,
        0.5,
        hostile,
    )


def test_turtle_is_the_graph_and_its_offsets_are_in_the_text(two_documents: list[Document], tmp_path: Path) -> None:
    write(two_documents, tmp_path / "file", "turtle")
    found = set(pyoxigraph.parse(path=str(tmp_path / "file"), format=pyoxigraph.RdfFormat.TURTLE))
    assert {quad.triple for quad in found} == set(graph_triples(Graph.of_documents(two_documents)))
    graph = rdflib.Graph().parse(tmp_path / "file", format="turtle")
    query = """SELECT ?text ?start ?end WHERE {
        ?passage oa:hasSource/dcterms:title "Ada" ; atlop:text ?text ; oa:hasSelector ?at .
        ?at a oa:TextPositionSelector ; oa:start ?start ; oa:end ?end }"""
    rows = [(str(text), int(start), int(end)) for text, start, end in graph.query(query, initNs=PREFIXES)]  # type: ignore
    assert len(rows) == 7  # four mentions, and three sentences: two are evidence, and two are closest to another fact
    assert all((two_documents[0].text or "")[start:end] == text for text, start, end in rows)
