from __future__ import annotations

import pytest

from atlop.knowledge.fact import Cluster, Passage
from atlop.knowledge.merging import Key, Merging


def cluster(kind: str, *names: str, document: str = "a", index: int = 0, identifier: str | None = None) -> Cluster:
    return Cluster(document, index, kind, tuple(Passage(0, name) for name in names), identifier)


def key(wanted: Cluster, *others: Cluster) -> Key:
    return Merging([wanted, *others]).key(wanted)


@pytest.mark.parametrize(
    ("kind", "one", "other", "merged"),
    [
        ("LOC", "The Netherlands", "NETHERLANDS", True),
        ("LOC", "Georgia", "Georgian", False),
        ("ORG", "U.S. Army", "US Army", True),
        ("PER", "Ada Lovelace", "ada lovelace", True),
        ("PER", "Lovelace", "Lovelace", False),
        ("PERSON", "Lovelace", "Lovelace", False),
        ("TIME", "12 May 1840", "12 May 1840", True),
        ("DATE", "1840", "1840", True),
        ("TIME", "May", "May", False),
        ("TIME", "1840s", "1840s", False),
        ("NUM", "seven", "seven", False),
        ("QUANTITY", "430 km", "430 km", False),
        ("LOC", "X", "X", False),
        ("Chemical", "Insulin", "insulin", True),
        ("LOC", "", "", False),
        ("LOC", "दिल्ली", "दिल्ली", True),
        ("PER", "मोहन गांधी", "मोहन गांधी", True),
        ("PER", "गांधी", "गांधी", False),
    ],
)
def test_the_rule_of_each_type(kind: str, one: str, other: str, merged: bool) -> None:
    first, second = cluster(kind, one), cluster(kind, other, document="b")
    merging = Merging([first, second])
    assert (merging.key(first) == merging.key(second)) is merged


def test_types_are_never_merged() -> None:
    assert key(cluster("LOC", "Washington")) != key(cluster("ORG", "Washington"))


def test_the_longest_name_that_identifies_is_the_principal_one() -> None:
    assert key(cluster("PER", "Lovelace", "Ada Lovelace")) == Key("name", "PER", "ada lovelace")
    assert key(cluster("TIME", "the month of May", "May 1840")) == Key("name", "TIME", "may 1840")


def test_a_cluster_without_an_identifying_name_is_alone() -> None:
    assert key(cluster("PER", "Ada", document="d", index=3)) == Key("alone", "PER", "ada", "d", 3)


def test_an_identifier_decides_alone() -> None:
    first = cluster("Chemical", "Insulin", identifier="D007328")
    assert key(first) == Key("identifier", "Chemical", "D007328") == key(cluster("Chemical", "x", identifier="D007328"))
    assert key(first) != key(cluster("Chemical", "Insulin", identifier="D000001"))
    assert key(first) != key(cluster("Chemical", "Insulin"))
    assert key(first) != key(cluster("Disease", "Insulin", identifier="D007328"))


@pytest.mark.parametrize("unknown", ["", "-", "-1"])
def test_what_says_that_there_is_no_identifier_is_none(unknown: str) -> None:
    assert key(cluster("Chemical", "Insulin", identifier=unknown)) == Key("name", "Chemical", "insulin")


FULL, SHORT = cluster("ORG", "NFL", "National Football League"), cluster("ORG", "NFL")


@pytest.mark.parametrize(
    ("full", "short", "alias"),
    [(1, 1, False), (2, 1, True), (2, 2, True), (2, 3, False), (5, 5, True), (5, 6, False)],
)
def test_an_alias_needs_two_witnesses_and_half_of_the_bearers(full: int, short: int, alias: bool) -> None:
    expected = "national football league" if alias else "nfl"
    assert Merging([FULL] * full + [SHORT] * short).key(SHORT) == Key("name", "ORG", expected)


def test_an_alias_of_an_alias_is_followed() -> None:
    longest = cluster("ORG", "National Football League", "National Football League of America")
    merging = Merging([FULL, FULL, SHORT, longest, longest])
    assert merging.key(SHORT).name == "national football league of america" == merging.key(FULL).name


def test_a_name_of_two_things_is_an_alias_of_neither() -> None:
    others = [cluster("ORG", "ABC", f"{name} Broadcasting") for name in ("American", "Australian", "Asian")]
    assert key(cluster("ORG", "ABC"), *others).name == "abc"


def test_times_have_no_aliases() -> None:
    dated = cluster("TIME", "1840", "12 May 1840")
    assert key(cluster("TIME", "1840"), dated, dated, dated).name == "1840"
