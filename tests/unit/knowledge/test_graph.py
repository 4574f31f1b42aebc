from __future__ import annotations

from collections.abc import Callable

import pytest

from atlop.documents import Document, Entity, Mention
from atlop.errors import DataError
from atlop.knowledge import Graph


def test_documents_share_their_entities(two_documents: list[Document]) -> None:
    graph = Graph.of_documents(two_documents)
    assert [(node.label, node.type, node.names) for node in graph.nodes] == [
        ("Ada Lovelace", "PER", ("Ada Lovelace", "Lovelace")),
        ("United Kingdom", "LOC", ("United Kingdom", "the United Kingdom")),
        ("London", "LOC", ("London",)),
        ("Analytical Engine", "MISC", ("Analytical Engine",)),
    ]
    labels = {node.id: node.label for node in graph.nodes}
    assert [(labels[edge.head], edge.fact.relation, labels[edge.tail], edge.fact.document) for edge in graph.edges] == [
        ("Ada Lovelace", "P27", "United Kingdom", "Ada"),
        ("London", "P17", "United Kingdom", "Ada"),
        ("Ada Lovelace", "P27", "United Kingdom", "Engine"),
        ("Ada Lovelace", "wrote about", "Analytical Engine", "Engine"),
    ]
    assert len({edge.id for edge in graph.edges}) == 4


def test_a_label_is_a_name_that_identifies(make_document: Callable[..., Document]) -> None:
    documents = [make_document(title, ("PER", "Ada Lovelace|Lovelace|Lovelace")) for title in "ab"]
    assert [node.label for node in Graph.of_documents(documents).nodes] == ["Ada Lovelace"]


def test_what_has_no_name_is_labelled_by_its_identifier() -> None:
    entity = Entity((Mention(0, 0, 1, "Gene", ""),), "12")
    (node,) = Graph.of_documents([Document("a", (("w",),), (entity,))]).nodes
    assert (node.label, node.names, node.identifier) == ("12", (), "12")


def test_two_documents_of_one_title_are_refused(two_documents: list[Document]) -> None:
    with pytest.raises(DataError) as caught:
        Graph.of_documents([*two_documents, two_documents[0]])
    expected = "got 2 documents with this title, expected every title once, as facts are traced by it"
    assert str(caught.value) == f"document 'Ada': title: {expected}"
