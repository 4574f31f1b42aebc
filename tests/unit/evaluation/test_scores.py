from __future__ import annotations

import pytest

from atlop.evaluation import Counts


def test_counts_of_sets() -> None:
    counts = Counts.of({"a", "b", "c"}, {"c", "d"})
    assert counts == Counts(tp=1, fp=2, fn=1)
    assert counts.precision == pytest.approx(1 / 3)
    assert counts.recall == pytest.approx(1 / 2)
    assert counts.f1 == pytest.approx(2 / 5)  # 2 tp / (2 tp + fp + fn)


def test_counts_add_up() -> None:
    assert Counts(1, 2, 3) + Counts(10, 20, 30) == Counts(11, 22, 33)
    assert sum([Counts(1, 0, 0), Counts(0, 1, 1)], start=Counts()) == Counts(1, 1, 1)


@pytest.mark.parametrize("counts", [Counts(), Counts(fp=3), Counts(fn=3), Counts(fp=1, fn=1)])
def test_counts_without_true_positives_are_zero(counts: Counts) -> None:
    assert (counts.precision, counts.recall, counts.f1) == (0.0, 0.0, 0.0)


def test_counts_as_json() -> None:
    stored = Counts(tp=1, fp=2, fn=1).to_json()
    assert stored == {"f1": 2 / 5, "precision": 1 / 3, "recall": 1 / 2, "tp": 1, "fp": 2, "fn": 1}
