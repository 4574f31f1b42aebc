"""The decision against tables by hand and the published code's way to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.decoding import decode, margins


@pytest.mark.parametrize(
    ("logits", "cap", "offset", "chosen"),
    [
        # Above the threshold, which is the first number.
        ([0, 3, 2, 1, -1], None, 0.0, [0, 1, 1, 1, 0]),
        ([2, 3, 2, 1, -1], None, 0.0, [0, 1, 0, 0, 0]),
        ([5, 3, 2, 1, -1], None, 0.0, [1, 0, 0, 0, 0]),
        ([-9, -1, -2, -3, -4], None, 0.0, [0, 1, 1, 1, 1]),
        # Exactly at the threshold is not above it.
        ([1, 1, 0, 0, 0], None, 0.0, [1, 0, 0, 0, 0]),
        ([1, 1, 0, 0, 0], 1, 0.0, [1, 0, 0, 0, 0]),
        # The best few of these.
        ([0, 3, 2, 1, -1], 1, 0.0, [0, 1, 0, 0, 0]),
        ([0, 1, 2, 3, -1], 2, 0.0, [0, 0, 1, 1, 0]),
        ([0, 1, 2, 3, 4], 3, 0.0, [0, 0, 1, 1, 1]),
        ([0, 1, 2, 3, 4], 4, 0.0, [0, 1, 1, 1, 1]),
        ([0, 1, 2, 3, 4], 9, 0.0, [0, 1, 1, 1, 1]),
        ([0, 3, -1, -2, -3], 2, 0.0, [0, 1, 0, 0, 0]),
        ([0, -3, -1, -2, -3], 2, 0.0, [1, 0, 0, 0, 0]),
        # Ties for the last place are all kept, those above it do not grow.
        ([0, 2, 2, 1, -1], 1, 0.0, [0, 1, 1, 0, 0]),
        ([0, 3, 1, 1, -1], 2, 0.0, [0, 1, 1, 1, 0]),
        ([0, 3, 3, 1, 1], 2, 0.0, [0, 1, 1, 0, 0]),
        ([0, -1, -1, -1, -1], 2, 0.0, [1, 0, 0, 0, 0]),
        # An offset lowers or raises the threshold, not the order.
        ([1, 0.5, -0.5, 0.0, -3], None, 1.0, [0, 1, 0, 0, 0]),
        ([0, 3, 1, 0.5, 2], None, -1.0, [0, 1, 0, 0, 1]),
        ([0, 3, 1, 0.5, 2], 1, -1.0, [0, 1, 0, 0, 0]),
        ([0, -1, -2, -3, -4], 2, 10.0, [0, 1, 1, 0, 0]),
        ([0, 3, 2, 1, -1], None, -5.0, [1, 0, 0, 0, 0]),
    ],
)
def test_decisions_by_hand(logits: list[float], cap: int | None, offset: float, chosen: list[int]) -> None:
    table = np.array([logits], dtype=np.float32)
    before = table.copy()
    assert decode(table, cap, offset).tolist() == [list(map(bool, chosen))]
    assert np.array_equal(table, before)


@pytest.mark.parametrize("cap", [None, 1, 4])
def test_decisions_between_two_classes(cap: int | None) -> None:
    logits = np.array([[0, 1], [0, -1], [0, 0]], dtype=np.float32)
    assert decode(logits, cap).tolist() == [[False, True], [True, False], [True, False]]


def test_decisions_on_no_pairs() -> None:
    assert decode(np.zeros((0, 5), np.float32), 4).shape == (0, 5)


tables = st.integers(2, 7).flatmap(
    lambda columns: st.lists(st.lists(st.integers(-2, 2), min_size=columns, max_size=columns), min_size=1, max_size=5)
)


@given(tables, st.integers(1, 7))
def test_decisions_are_those_of_the_published_code_ties_included(table: list[list[int]], cap: int) -> None:
    """It takes the best of all columns, the threshold's among them, and of these what is above the threshold."""
    expected = []
    for row in table:
        last = sorted(row, reverse=True)[min(cap, len(row)) - 1]
        chosen = [score > row[0] and score >= last for score in row]
        expected.append([not any(chosen), *chosen[1:]])
    assert decode(np.array(table, dtype=np.float32), cap).tolist() == expected


def test_lead_is_the_distance_to_the_threshold() -> None:
    logits = np.array([[1, 3, -1]], dtype=np.float32)
    assert margins(logits).tolist() == [[0.0, 2.0, -2.0]]
    assert margins(logits).dtype == np.float32


def test_every_relation_may_have_its_own_offset() -> None:
    logits = np.array([[1, 3, 0.5, -1], [1, 3, 2, 1.5]], dtype=np.float32)
    offsets = np.array([0, -3, 1, 1], dtype=np.float32)
    assert decode(logits, None, offsets).tolist() == [[False, False, True, False], [False, False, True, True]]
    # The best of a pair are those of the largest sums: -1, 2 and 1.5 above the threshold of the second.
    assert decode(logits, 1, offsets).tolist() == [[False, False, True, False], [False, False, True, False]]
    assert decode(logits[1:], 2, np.array([0, 0.1, 2, 2], dtype=np.float32)).tolist() == [[False, False, True, True]]
