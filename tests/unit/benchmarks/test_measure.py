"""Things are timed in turn, and the figures of the machine are read correctly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from benchmarks import measure

pytestmark = pytest.mark.usefixtures("one_thread")
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system has no /proc")


def test_the_contenders_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call returns its own seconds here, and the first of each does not count."""
    order: list[str] = []
    seconds = {"textbook": iter([99.0, 6.0, 30.0, 8.0]), "atlop": iter([99.0, 2.0, 1.0, 4.0])}

    def take(name: str) -> float:
        order.append(name)
        return next(seconds[name])

    monkeypatch.setattr(measure, "seconds", lambda work: work())
    found = measure.alternate({"textbook": lambda: take("textbook"), "atlop": lambda: take("atlop")}, runs=3)
    assert order == ["textbook", "atlop"] * 4
    assert found == {"textbook": [6.0, 30.0, 8.0], "atlop": [2.0, 1.0, 4.0]}
    assert measure.ratio(found) == 8.0 / 2.0


def test_seconds_are_those_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 12.5])
    monkeypatch.setattr(measure.time, "perf_counter", lambda: next(clock))
    assert measure.seconds(lambda: None) == 2.5


def test_the_better_rate_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    rates = iter([{"fp32": 3.0, "bf16": 4.0}, {"fp32": 2.0, "bf16": 5.0}])

    def rate(device: torch.device) -> dict[str, float]:
        order.append("rate")
        return next(rates)

    monkeypatch.setattr(measure, "gemm_gflops", rate)
    found = measure.beside_gemm(lambda: order.append("work"), torch.device("cpu"))
    assert found == (None, {"fp32": 3.0, "bf16": 5.0})
    assert order == ["rate", "work", "rate"]


@pytest.mark.parametrize("bf16", [True, False])
def test_a_rate_is_operations_per_second(bf16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 operations in 2 and in 1 microseconds; the rate of bf16 only where the processor has it."""
    monkeypatch.setattr(measure, "GEMM_SIZE", {"cpu": 10})
    monkeypatch.setattr(measure, "has_bf16", lambda device: bf16)
    times = iter([8e-6, 2e-6, 4e-6, 1e-6])
    monkeypatch.setattr(measure, "seconds", lambda work: next(times))
    expected = {"fp32": 1.0, "bf16": 2.0} if bf16 else {"fp32": 1.0}
    assert measure.gemm_gflops(torch.device("cpu"), runs=2) == pytest.approx(expected)


@needs_proc
def test_memory_of_a_process() -> None:
    resident, most = measure.memory_mb("VmRSS"), measure.memory_mb("VmHWM")
    assert resident is not None
    assert most is not None
    # Python with torch in it.
    assert 50 < resident <= most * 1.01
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert measure.memory_mb("VmRSS", process.pid) is None
