"""A sweep that is killed goes on where it stopped and ends with the same table."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from atlop.experiments.row import Row, read_rows

PATIENCE = 120
"""Seconds after which a sweep must have come to where it is killed."""

UNALIKE = ("date", "minutes", "version")
"""What differs between two runs of the same row."""


def start(sweep_file: Path, output: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "atlop", "sweep", str(sweep_file), "--output", str(output), "--device", "cpu"]
    # Kernels are chosen by how fast they are at the moment, which changes the last digits.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "ATLOP_DISABLE": "kernels"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_when(reached: Callable[[], bool], sweep_file: Path, output: Path) -> None:
    with start(sweep_file, output) as process:
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert process.poll() is None, "the sweep ended before it was killed"
            assert time.monotonic() < deadline, "the sweep does not get there"
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the sweep ended before it was killed"


def finish(sweep_file: Path, output: Path) -> list[dict[str, object]]:
    with start(sweep_file, output) as process:
        assert process.wait(PATIENCE) == 0
    return [comparable(row) for row in read_rows(output / "tiny.jsonl")]


def comparable(row: Row) -> dict[str, object]:
    return {name: value for name, value in row.to_json().items() if name not in UNALIKE}


@pytest.mark.slow
def test_a_sweep_killed_between_rows_and_within_one_ends_with_the_same_table(sweep_file: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    expected = finish(sweep_file, whole)
    results, states = killed / "tiny.jsonl", killed / "runs" / "full-2" / "states"
    kill_when(results.exists, sweep_file, killed)
    kept = results.read_bytes()
    assert len(read_rows(results)) == 1
    kill_when(lambda: any(states.glob("checkpoint-*/trainer_state.json")), sweep_file, killed)
    assert results.read_bytes() == kept
    assert finish(sweep_file, killed) == expected
    assert len(expected) == 3
    assert results.read_bytes().startswith(kept)
