"""The seeds of a row are put together, in the order in which rows appear."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from atlop.errors import DataError
from atlop.experiments.results import Estimate, by_sweep, score
from atlop.experiments.row import Row

MakeRow = Callable[..., Row]


def test_rows_are_sorted_by_sweep_and_name(make_row: MakeRow) -> None:
    keys = [("b", "z", 1), ("a", "z", 1), ("b", "y", 1), ("b", "z", 2)]
    found = by_sweep(make_row(name, seed, sweep=sweep) for sweep, name, seed in keys)
    shown = [(one.sweep, [(group.name, [row.seed for row in group.rows]) for group in one.groups]) for one in found]
    assert shown == [("b", [("z", [1, 2]), ("y", [1])]), ("a", [("z", [1])])]


def test_an_estimate_is_the_mean_and_the_sample_deviation_in_points(make_row: MakeRow) -> None:
    (results,) = by_sweep([make_row(seed=1, points=50.0), make_row(seed=2, points=52.0), make_row(seed=3, points=54.0)])
    estimate = results.groups[0].f1
    assert (estimate.mean, estimate.deviation) == (pytest.approx(52), pytest.approx(2))
    assert Estimate.of([50.0]) == Estimate(50.0, None)


def test_a_score_that_only_some_seeds_have(make_row: MakeRow) -> None:
    rows = [make_row(seed=1, breakdown={"ign_f1": None}), make_row(seed=2, breakdown={"ign_f1": 0.5})]
    (results,) = by_sweep(rows)
    assert results.groups[0].estimate(score("breakdown", "ign_f1")) == Estimate(50.0, None)
    assert results.groups[0].estimate(score("breakdown", "evidence_f1")) is None


def test_a_row_that_is_given_twice(make_row: MakeRow) -> None:
    with pytest.raises(DataError) as caught:
        by_sweep([make_row(), make_row()])
    assert str(caught.value) == "sweep tiny: got row 'full', seed 1, 2 times, expected it once"
