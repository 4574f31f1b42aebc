"""The matching is one-to-one, and no other is larger."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from atlop.evaluation.matching import largest_matching


def test_an_element_gives_way_to_one_that_has_no_other_choice() -> None:
    assert largest_matching({"a": [1, 2], "b": [1]}) == {1: "b", 2: "a"}


def test_several_give_way_one_after_another() -> None:
    # In order of arrival a takes 1, b takes 2, c takes 3; d wants only 1.
    options = {"a": [1, 2], "b": [2, 3], "c": [3, 4], "d": [1]}
    assert largest_matching(options) == {1: "d", 2: "a", 3: "b", 4: "c"}


def test_who_wants_nothing_gets_nothing() -> None:
    assert largest_matching({"a": [], "b": [1], "c": [1]}) == {1: "b"}


@given(st.lists(st.sets(st.integers(0, 4)), max_size=5))
def test_no_matching_is_larger(wishes: list[set[int]]) -> None:
    options = {left: sorted(rights) for left, rights in enumerate(wishes)}
    matched = largest_matching(options)
    assert len(set(matched.values())) == len(matched)
    assert all(right in options[left] for right, left in matched.items())
    best = max(
        (sum(right in wish for right, wish in zip(order, wishes, strict=False)) for order in permutations(range(5))),
        default=0,
    )
    assert len(matched) == best
