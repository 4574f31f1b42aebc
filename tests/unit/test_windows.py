"""Where the windows of a long document lie: by hand, by their properties, and as the published code lays them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.windows import SpecialSubwords, plan_windows

BERT = SpecialSubwords(prefix=(2,), suffix=(3,), break_suffix=(3,))
ROBERTA = SpecialSubwords(prefix=(0,), suffix=(2,), break_suffix=(2, 2))


def test_windows_by_hand() -> None:
    # A first window holds 39 subwords beside its [SEP], one in the middle 38, the last 39 beside its [CLS]. The last
    # starts at 61, and three steps of at most 38 - 10 lead there.
    assert plan_windows(100, 40, BERT, 10) == [(0, 39), (20, 58), (40, 78), (61, 100)]
    # Two windows share 10 up to a length of 68.
    assert plan_windows(68, 40, BERT, 10) == [(0, 39), (29, 68)]
    assert plan_windows(69, 40, BERT, 10) == [(0, 39), (15, 53), (30, 69)]
    assert plan_windows(40, 40, BERT, 10) == [(0, 40)]
    assert plan_windows(41, 40, BERT, 10) == [(0, 39), (2, 41)]
    assert plan_windows(41, 40, ROBERTA, 10) == [(0, 38), (2, 41)]


specials = st.builds(
    lambda *sizes: SpecialSubwords(*((0,) * size for size in sizes)),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 3),
)


@st.composite
def plans(draw: st.DrawFn, least_overlap: int) -> tuple[int, int, SpecialSubwords, int]:
    special, size = draw(specials), draw(st.integers(8, 40))
    room = size - len(special.prefix) - len(special.break_suffix)
    return draw(st.integers(1, 400)), size, special, draw(st.integers(least_overlap, room - 1))


@given(plans(least_overlap=-3))
def test_windows_are_flush_in_order_and_fit(plan: tuple[int, int, SpecialSubwords, int]) -> None:
    length, size, special, _ = plan
    windows = plan_windows(*plan)
    assert windows[0][0] == 0
    assert windows[-1][1] == length
    assert windows == sorted(set(windows))
    for start, stop in windows:
        framed = stop - start + len(special.prefix) * (start > 0) + len(special.break_suffix) * (stop < length)
        assert 0 <= start < stop <= length
        assert framed <= size


@given(plans(least_overlap=-3))
def test_neighbours_share_at_least_the_overlap(plan: tuple[int, int, SpecialSubwords, int]) -> None:
    windows = plan_windows(*plan)
    assert all(stop - start >= plan[3] for (_, stop), (start, _) in pairwise(windows))


@given(plans(least_overlap=0))
def test_windows_that_overlap_or_touch_cover_every_position(plan: tuple[int, int, SpecialSubwords, int]) -> None:
    covered = {position for start, stop in plan_windows(*plan) for position in range(start, stop)}
    assert covered == set(range(plan[0]))


@given(plans(least_overlap=0))
def test_windows_start_at_even_distances(plan: tuple[int, int, SpecialSubwords, int]) -> None:
    starts = [start for start, _ in plan_windows(*plan)]
    steps = {after - before for before, after in pairwise(starts)}
    assert not steps or max(steps) - min(steps) <= 1


@pytest.mark.parametrize("special", [BERT, ROBERTA])
def test_windows_of_imported_models_are_those_of_the_published_code(special: SpecialSubwords) -> None:
    for length in range(513, 1025):
        first, last = (0, 512 - len(special.break_suffix)), (length - 512 + len(special.prefix), length)
        assert plan_windows(length, 512, special, -3) == [first, last]


@pytest.mark.parametrize(
    ("special", "length", "lost"),
    [(BERT, 1022, 0), (BERT, 1023, 1), (BERT, 1024, 2), (ROBERTA, 1021, 0), (ROBERTA, 1022, 1), (ROBERTA, 1024, 3)],
)
def test_imported_models_lose_as_many_subwords_as_the_published_code(
    special: SpecialSubwords, length: int, lost: int
) -> None:
    (_, stop), (start, _) = plan_windows(length, 512, special, -3)
    assert max(0, start - stop) == lost
