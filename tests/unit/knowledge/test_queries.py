from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from atlop.documents import Document, Relation
from atlop.errors import AtlopError, DataError
from atlop.knowledge.queries import Entity, Support, entities_named, facts_about, facts_of, shortest_path
from atlop.knowledge.rdf import terms
from atlop.knowledge.sparql import Table, sparql
from atlop.knowledge.store import GraphStore, changing, opened

SENTENCES = (
    {"sentence": 0, "text": "Ada Lovelace here .", "start": 0, "end": 19},
    {"sentence": 2, "text": "United Kingdom here .", "start": 36, "end": 57},
)


@pytest.fixture(scope="module")
def graph(
    two_documents: list[Document], make_document: Callable[..., Document], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GraphStore]:
    """The two documents, and two more about other entities of the same names."""
    third = make_document(
        "Towns", ("ORG", "London"), ("LOC", "Ontario", "Q1"), ("PER", "Ada"), relations=[Relation(0, 1, "P131")]
    )
    fourth = make_document("Drugs", ("Chemical", "Insulin", "D007328"))
    folder = tmp_path_factory.mktemp("graph")
    with changing(folder) as changes:
        for document in (*two_documents, third, fourth):
            changes.add(document)
    with opened(folder) as store:
        yield store


def one(graph: GraphStore, name: str) -> Entity:
    (found,) = entities_named(graph.database, name)
    return found


def problem(work: Callable[[], object]) -> str:
    with pytest.raises(DataError) as caught:
        work()
    return str(caught.value)


@pytest.mark.parametrize("name", ["Ada Lovelace", "ada lovelace", "LOVELACE"])
def test_an_entity_has_several_names(graph: GraphStore, name: str) -> None:
    found = one(graph, name)
    assert (found.label, found.type) == ("Ada Lovelace", "PER")


def test_an_identifier_finds_an_entity(graph: GraphStore) -> None:
    assert one(graph, "D007328") == one(graph, "insulin")


def test_a_name_may_be_that_of_several_entities(graph: GraphStore) -> None:
    assert [(entity.type, entity.label) for entity in entities_named(graph.database, "London")] == [
        ("LOC", "London"),
        ("ORG", "London"),
    ]


def test_a_fact_has_every_document_that_states_it(graph: GraphStore) -> None:
    facts = facts_about(graph.database, one(graph, "Ada Lovelace"))
    assert {(fact.head.label, fact.relation, fact.tail.label) for fact in facts} == {
        ("Ada Lovelace", "P27", "United Kingdom"),
        ("Ada Lovelace", "wrote about", "Analytical Engine"),
    }
    (shared,) = (fact for fact in facts if fact.relation == "P27")
    assert shared.name == "country of citizenship"
    assert shared.support[0] == Support("Ada", 0.75, True, SENTENCES)
    assert (shared.support[1].document, shared.support[1].confidence) == ("Engine", None)
    assert not shared.support[1].is_evidence
    assert [sentence["start"] for sentence in shared.support[1].sentences] == [None, None]
    assert shared.to_json()["support"][0]["sentences"] == SENTENCES


def test_an_entity_is_head_and_tail_and_the_limit_holds(graph: GraphStore) -> None:
    kingdom = one(graph, "United Kingdom")
    assert {fact.head.label for fact in facts_about(graph.database, kingdom)} == {"Ada Lovelace", "London"}
    assert len(facts_about(graph.database, kingdom, limit=1)) == 1


def test_a_fact_about_two_of_the_entities_is_there_once(graph: GraphStore) -> None:
    both = one(graph, "Ada Lovelace"), one(graph, "United Kingdom")
    facts = facts_about(graph.database, *both)
    assert sorted((fact.head.label, fact.relation) for fact in facts) == [
        ("Ada Lovelace", "P27"),
        ("Ada Lovelace", "wrote about"),
        ("London", "P17"),
    ]
    assert len(facts_about(graph.database, *both, limit=2)) == 2


@pytest.mark.parametrize("name", ["P27", "country of citizenship"])
def test_a_relation_has_two_names(graph: GraphStore, name: str) -> None:
    (fact,) = facts_of(graph.database, name)
    assert (fact.head.label, fact.tail.label, len(fact.support)) == ("Ada Lovelace", "United Kingdom", 2)


def test_a_path_goes_in_both_directions(graph: GraphStore) -> None:
    start, end = one(graph, "Analytical Engine"), entities_named(graph.database, "London")[0]
    found = shortest_path(graph.database, graph.neighbours, [start], [end])
    assert [(fact.head.label, fact.relation, fact.tail.label) for fact in found] == [
        ("Ada Lovelace", "wrote about", "Analytical Engine"),
        ("Ada Lovelace", "P27", "United Kingdom"),
        ("London", "P17", "United Kingdom"),
    ]
    assert shortest_path(graph.database, graph.neighbours, [start], [one(graph, "insulin")]) == []


def test_what_is_not_there_is_an_error(graph: GraphStore) -> None:
    expected = "got the name 'Babbage', which no entity of this graph has"
    assert problem(lambda: entities_named(graph.database, "Babbage")) == expected
    expected = "got the relation 'P999', of which this graph has no fact"
    assert problem(lambda: facts_of(graph.database, "P999")) == expected


def test_a_select_sees_documents_and_what_is_merged(graph: GraphStore) -> None:
    query = """SELECT ?title ?text ?start WHERE {
        ?head wdt:P27 ?tail ; rdfs:label "Ada Lovelace" ; p:P27 ?statement .
        ?statement ps:P27 ?tail ; atlop:evidence ?sentence .
        ?sentence oa:hasSource/dcterms:title ?title ; atlop:text ?text ; oa:hasSelector/oa:start ?start
    } ORDER BY ?start"""
    rows = (("Ada", "Ada Lovelace here .", "0"), ("Ada", "United Kingdom here .", "36"))
    assert sparql(graph.database, query) == Table(("title", "text", "start"), rows)


def test_the_other_kinds_of_queries(graph: GraphStore) -> None:
    assert sparql(graph.database, "ASK { ?head wdt:P999 ?tail }") == Table(("answer",), (("false",),))
    unbound = 'SELECT ?id WHERE { ?e rdfs:label "Ontario" OPTIONAL { ?e skos:note ?id } }'
    assert sparql(graph.database, unbound) == Table(("id",), ((None,),))
    turtle = sparql(graph.database, "CONSTRUCT { ?tail direct:of ?head } WHERE { ?head wdt:P27 ?tail }")
    assert isinstance(turtle, str)
    lines = turtle.splitlines()
    assert lines[-1].endswith(f"direct:of entity:{one(graph, 'Ada Lovelace').id} .")
    assert lines[:-1] == [f"@prefix {name}: <{namespace}> ." for name, namespace in sorted(terms.PREFIXES.items())]


def test_a_query_that_fails_while_it_is_answered_is_an_error(graph: GraphStore) -> None:
    with pytest.raises(AtlopError) as caught:
        sparql(graph.database, "SELECT * WHERE { SERVICE <urn:none> { ?s ?p ?o } }")
    expected = "the SPARQL query cannot be answered: A URI scheme must be set, found urn:none"
    assert str(caught.value) == expected


def test_a_lone_surrogate_is_refused_by_name(graph: GraphStore) -> None:
    expected = r"got 'Ada\udcff' (str), expected characters that UTF-8 can encode, unlike a lone surrogate"
    assert problem(lambda: entities_named(graph.database, "Ada\udcff")) == f"name: {expected}"
    assert problem(lambda: facts_of(graph.database, "Ada\udcff")) == f"relation: {expected}"
    assert problem(lambda: sparql(graph.database, "Ada\udcff")) == f"query: {expected}"


@pytest.mark.parametrize("query", ["SELECT", "DELETE WHERE { ?s ?p ?o }", "INSERT DATA { <a:a> <a:b> <a:c> }"])
def test_what_is_no_query_is_refused(graph: GraphStore, query: str) -> None:
    assert problem(lambda: sparql(graph.database, query)).startswith("the SPARQL query cannot be read: error at 1:")
