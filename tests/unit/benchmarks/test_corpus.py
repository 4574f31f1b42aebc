"""A run is watched to its end, and told by its samples."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import corpus
from benchmarks.corpus import Sample, summary

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system has no /proc")


def test_the_quarters_of_a_run() -> None:
    resident = [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    samples = [Sample(float(second), mb, mb + second) for second, mb in enumerate(resident)]
    found = summary(8.0, samples, count=20)
    assert found == {
        "documents_per_second": 2.5,
        "seconds": 8.0,
        "peak_mb": 66.0,
        "first_quarter_mb": 5.0,  # of 7 samples, two to a quarter
        "last_quarter_mb": 55.0,
        "sample_seconds": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "sample_mb": resident,
    }


@pytest.mark.parametrize(("taken", "step"), [(50, 1), (51, 2), (700, 14)])
def test_no_more_than_fifty_samples_are_kept(taken: int, step: int) -> None:
    samples = [Sample(float(second), 1.0, 1.0) for second in range(taken)]
    found = summary(float(taken), samples, count=1)["sample_seconds"]
    assert found == [float(second) for second in range(0, taken, step)]
    assert len(found) <= 50


@needs_proc
def test_a_command_is_watched_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes 60 MB and ends when that has been seen, or at last by itself."""
    seen = tmp_path / "seen"
    waits = (
        f"x = bytearray(60_000_000)\nfor _ in range(6000):\n    if Path({str(seen)!r}).exists(): break\n    sleep(0.01)"
    )
    look = corpus.memory_mb

    def told(figure: str, process: int | str) -> float | None:
        found = look(figure, process)
        if found is not None and found > 60:
            seen.touch()
        return found

    monkeypatch.setattr(corpus, "memory_mb", told)
    code = f"from pathlib import Path\nfrom time import sleep\n{waits}"
    taken, samples = corpus.watch([sys.executable, "-c", code], every=0.02)
    assert 60 < max(sample.peak_mb for sample in samples) < 200
    assert 0 <= samples[0].seconds <= samples[-1].seconds <= taken


@needs_proc
def test_a_command_that_fails_is_told() -> None:
    with pytest.raises(subprocess.CalledProcessError, match="non-zero exit status 3"):
        corpus.watch([sys.executable, "-c", "raise SystemExit(3)"], every=0.02)
