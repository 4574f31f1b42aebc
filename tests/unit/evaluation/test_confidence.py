"""Calibration error and reliability, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from atlop.evaluation import Bin, calibration_error, reliability


def test_bins_hold_equally_many_confidences_lowest_first() -> None:
    confidence = np.array([0.9, 0.2, 0.8, 0.4, 0.3])
    right = np.array([True, False, False, True, False])
    bins = reliability(confidence, right, bins=2)
    assert [part.count for part in bins] == [3, 2]
    assert bins[0] == Bin(3, pytest.approx(0.3), pytest.approx(1 / 3))
    assert bins[1] == Bin(2, pytest.approx(0.85), pytest.approx(0.5))


def test_the_error_is_the_difference_of_each_bin_by_its_size() -> None:
    confidence = np.array([0.9, 0.2, 0.8, 0.4, 0.3])
    right = np.array([True, False, False, True, False])
    assert calibration_error(confidence, right, bins=2) == pytest.approx(0.6 * (1 / 3 - 0.3) + 0.4 * 0.35)


def test_low_confidences_are_left_out() -> None:
    confidence, right = np.array([0.05, 0.1, 0.5]), np.array([True, False, True])
    assert [part.count for part in reliability(confidence, right)] == [1, 1]
    assert calibration_error(confidence, right) == pytest.approx((0.1 + 0.5) / 2)
    assert calibration_error(confidence, right, least=0.0) == pytest.approx((0.95 + 0.1 + 0.5) / 3)


def test_fewer_confidences_than_bins_have_one_each() -> None:
    assert len(reliability(np.linspace(0.2, 0.9, 4), np.ones(4, np.bool_))) == 4


def test_nothing_has_no_bins_and_no_error() -> None:
    for confidence in (np.zeros(0), np.full(3, 0.05)):
        right = np.zeros(len(confidence), np.bool_)
        assert reliability(confidence, right) == []
        assert calibration_error(confidence, right) == 0


def test_confidences_that_hold_have_a_small_error() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.1, 1, 100_000)
    right = random.random(len(confidence)) < confidence
    assert calibration_error(confidence, right) < 0.01
    assert calibration_error(confidence**3, right, least=0) == pytest.approx(
        np.mean(confidence - confidence**3), abs=0.01
    )
