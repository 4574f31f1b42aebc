from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.knowledge.rdf.terms import PREFIXES, iri, name_of, number_of, properties, relation_of


@pytest.mark.parametrize(
    ("relation", "direct", "stated", "value"),
    [
        (
            "P27",
            "http://www.wikidata.org/prop/direct/P27",
            "http://www.wikidata.org/prop/P27",
            "http://www.wikidata.org/prop/statement/P27",
        ),
        (
            "wrote about",
            "urn:atlop:relation:direct:wrote%20about",
            "urn:atlop:relation:stated:wrote%20about",
            "urn:atlop:relation:value:wrote%20about",
        ),
    ],
)
def test_the_properties_of_a_relation(relation: str, direct: str, stated: str, value: str) -> None:
    assert [found.value for found in properties(relation)] == [direct, stated, value]


@pytest.mark.parametrize("relation", ["P0", "p27", "P27a", "P27.", "P२", "XP27", "P"])
def test_what_is_no_property_of_wikidata_is_ours(relation: str) -> None:
    assert properties(relation).direct.value.startswith("urn:atlop:")


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_relation_is_read_back(relation: str) -> None:
    assert relation_of(properties(relation).direct) == relation


def test_no_namespace_begins_with_another() -> None:
    ours = [space for space in PREFIXES.values() if space.startswith("urn:")]
    assert not [(a, b) for a in ours for b in ours if a != b and b.startswith(a)]


def test_a_name_is_read_back() -> None:
    assert name_of("entity", iri("entity", "ada-12")) == "ada-12"
    assert number_of("urn:atlop:cluster:ada-12-7") == 7
