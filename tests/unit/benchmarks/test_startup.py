"""A start is told by its medians, and its steps are told apart."""

from __future__ import annotations

import pytest
from benchmarks import startup_steps
from benchmarks.startup import summary
from benchmarks.startup_steps import Laps


def test_the_medians_of_several_runs() -> None:
    rows = [(0.3, 3.0, {"torch": 1.0}), (0.1, 5.0, {"torch": 1.5}), (0.2, 4.0, {"torch": 2.0})]
    assert summary(rows) == {
        "help_seconds": 0.2,
        "predict_seconds": 4.0,
        "steps": {"torch": 1.5},
        "run_seconds": {"help": [0.3, 0.1, 0.2], "predict": [3.0, 5.0, 4.0]},
    }


def test_a_step_that_is_told_apart_is_not_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 1.0, 4.0, 6.0, 9.0])
    monkeypatch.setattr(startup_steps.time, "perf_counter", lambda: next(times))
    laps = Laps()  # at 0
    laps.end("first")  # at 1
    load = laps.apart("inner", lambda value: value + 1)
    assert load(1) == 2  # from 4 to 6
    laps.end("second")  # at 9, of which 3 before and 3 after the inner step
    assert laps.seconds == {"first": 1.0, "inner": 2.0, "second": 6.0}
