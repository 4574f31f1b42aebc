"""Which names are of one entity."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.clustering import cluster_by_string
from atlop.documents import Mention


def clusters(*names: str, kind: str = "PER", variants: bool = True) -> list[tuple[int, ...]]:
    """Cluster mentions that follow each other in one sentence."""
    return cluster_by_string([Mention(0, i, i + 1, kind, name) for i, name in enumerate(names)], variants=variants)


def test_no_mention_makes_no_entity() -> None:
    assert cluster_by_string([]) == []


def test_equal_names_of_one_type_are_one_entity() -> None:
    mentions = [Mention(0, 0, 1, "LOC", "Washington"), Mention(0, 1, 2, "PER", "Washington")]
    mentions += [Mention(1, 0, 1, "LOC", "Washington"), Mention(1, 1, 2, "LOC", "Seattle")]
    assert cluster_by_string(mentions, variants=False) == [(0, 2), (1,), (3,)]


def test_white_space_does_not_count_but_case_does() -> None:
    assert clusters("Ada Byron", "Ada\n Byron", "ada byron") == [(0, 1), (2,)]


def test_mentions_without_a_name_are_entities_of_their_own() -> None:
    assert clusters("", "", " ", "1") == [(0,), (1,), (2,), (3,)]


def test_entities_and_mentions_are_in_the_order_of_the_text() -> None:
    mentions = [Mention(1, 0, 1, "LOC", "Rome"), Mention(0, 4, 5, "LOC", "Oslo"), Mention(0, 0, 1, "LOC", "Rome")]
    assert cluster_by_string(mentions) == [(2, 0), (1,)]


@pytest.mark.parametrize("short", ["Gibb", "Barry", "Barry Gibb", "Barry Crompton", "Alan Gibb"])
def test_a_person_is_called_by_some_words_of_the_name(short: str) -> None:
    assert clusters("Barry Alan Crompton Gibb", short) == [(0, 1)]
    assert clusters(short, "Barry Alan Crompton Gibb") == [(0, 1)]
    assert clusters(short, "Barry Alan Crompton Gibb", variants=False) == [(0,), (1,)]


@pytest.mark.parametrize("other", ["Gibb Barry", "Barry Barry", "Gib", "gibb", "Barry White"])
def test_other_words_or_another_order_are_another_person(other: str) -> None:
    assert clusters("Barry Alan Crompton Gibb", other) == [(0,), (1,)]


def test_the_first_of_several_persons_is_meant() -> None:
    assert clusters("Robin Gibb", "Barry Gibb", "Gibb") == [(0, 2), (1,)]


def test_names_are_followed_to_the_longest() -> None:
    assert clusters("Gibb", "Barry Gibb", "Barry Alan Gibb") == [(0, 1, 2)]


@pytest.mark.parametrize("kind", ["LOC", "ORG", "MISC", "TIME"])
def test_only_names_of_persons_are_shortened(kind: str) -> None:
    assert clusters("New York City", "New York", kind=kind) == [(0,), (1,)]


def test_the_type_of_a_person_may_be_spelled_out() -> None:
    assert clusters("Barry Gibb", "Gibb", kind="PERSON") == [(0, 1)]


@pytest.mark.parametrize("acronym", ["MLB", "M.L.B.", "M. L. B."])
def test_an_acronym_stands_for_the_name_with_its_initials(acronym: str) -> None:
    assert clusters("Major League Baseball", acronym, kind="ORG") == [(0, 1)]
    assert clusters("Major League Baseball", acronym, kind="ORG", variants=False) == [(0,), (1,)]


@pytest.mark.parametrize("acronym", ["BOA", "BA"])
def test_small_words_may_count(acronym: str) -> None:
    assert clusters(acronym, "Bank of America", kind="ORG") == [(0, 1)]


@pytest.mark.parametrize("other", ["Boa", "B", "B1", "AB"])
def test_other_letters_are_no_acronym(other: str) -> None:
    assert clusters("Bank of America", other, "Bank 1", kind="ORG") == [(0,), (1,), (2,)]


def test_an_acronym_has_the_type_of_its_name() -> None:
    mentions = [Mention(0, 0, 1, "ORG", "Bank of America"), Mention(0, 1, 2, "LOC", "BA")]
    assert cluster_by_string(mentions) == [(0,), (1,)]


def test_two_spellings_of_an_acronym_do_not_stand_for_each_other_forever() -> None:
    assert clusters("U S", "U. S.", "US", kind="LOC") == [(0, 1, 2)]


NAMES = st.lists(st.sampled_from(["A", "B", "AB", "A.", "b", "Ab"]), max_size=3).map(" ".join)
MENTIONS = st.lists(
    st.builds(Mention, st.integers(0, 2), st.integers(0, 9), st.just(10), st.sampled_from(["PER", "LOC"]), NAMES),
    max_size=12,
    unique_by=lambda mention: (mention.sentence, mention.start),
)


@given(MENTIONS, st.randoms())
def test_every_mention_is_in_one_entity_whatever_their_order(mentions: list[Mention], random: Random) -> None:
    found = cluster_by_string(mentions)
    assert sorted(index for cluster in found for index in cluster) == list(range(len(mentions)))
    shuffled = random.sample(mentions, len(mentions))
    again = cluster_by_string(shuffled)
    assert [[shuffled[index] for index in cluster] for cluster in again] == [
        [mentions[index] for index in cluster] for cluster in found
    ]


@given(MENTIONS)
def test_variants_only_join_entities(mentions: list[Mention]) -> None:
    joined = {index: place for place, cluster in enumerate(cluster_by_string(mentions)) for index in cluster}
    for cluster in cluster_by_string(mentions, variants=False):
        assert len({joined[index] for index in cluster}) == 1
