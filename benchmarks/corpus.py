"""A whole corpus through the real command: documents per second, and the resident memory over the run.

    python -m benchmarks.corpus --documents 10000 --json

The documents are those of Re-DocRED dev repeated under new titles, in one JSONL file. ``atlop predict`` reads it in a
process of its own, whose memory is sampled every second; the time includes the start of the process. Memory that grew
with the corpus would show between the first and the last quarter of the run.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from atlop import Document
from atlop.formats import write
from benchmarks.documents import documents, repeated
from benchmarks.measure import memory_mb
from benchmarks.report import arguments, report


class Sample(NamedTuple):
    """The memory of a process at one time."""

    seconds: float
    """Since its start."""
    resident_mb: float
    """Now."""
    peak_mb: float
    """The most so far."""


def watch(line: Sequence[str], *, every: float = 1.0) -> tuple[float, list[Sample]]:
    """Run a command and sample its memory.

    Args:
        line: the command.
        every: seconds between samples.

    Returns:
        The seconds that it took, and the samples.

    Raises:
        subprocess.CalledProcessError: if the command fails.
    """
    started, samples = time.perf_counter(), []
    with subprocess.Popen(line) as process:
        while process.returncode is None:
            resident, peak = memory_mb("VmRSS", process.pid), memory_mb("VmHWM", process.pid)
            if resident is not None and peak is not None:
                samples.append(Sample(time.perf_counter() - started, resident, peak))
            with suppress(subprocess.TimeoutExpired):
                process.wait(every)
    taken = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, line)
    return taken, samples


def summary(taken: float, samples: Sequence[Sample], count: int) -> dict[str, Any]:
    """Summarize the speed and the memory of a run over ``count`` documents."""
    resident = [sample.resident_mb for sample in samples]
    quarter = -(-len(samples) // 4)
    return {
        "documents_per_second": count / taken,
        "seconds": taken,
        "peak_mb": max(sample.peak_mb for sample in samples),
        "first_quarter_mb": statistics.median(resident[:quarter]),
        "last_quarter_mb": statistics.median(resident[-quarter:]),
    }


def run(corpus: Sequence[Document], count: int, *, precision: str) -> dict[str, Any]:
    """Predict ``count`` documents with the command line.

    Raises:
        ValueError: if the command does not write a line for each document.
    """
    with TemporaryDirectory() as folder:
        source, output = Path(folder) / "documents.jsonl", Path(folder) / "predictions.jsonl"
        write(repeated(corpus, count), source, form="jsonl")
        options = ["--output", str(output), "--device", "cpu", "--precision", precision]
        taken, samples = watch([sys.executable, "-m", "atlop", "predict", str(source), *options])
        with output.open("rb") as lines:
            written = sum(1 for _ in lines)
    if written != count:
        raise ValueError(f"got {written} predicted documents, expected {count}")
    return summary(taken, samples, count)


def parser() -> argparse.ArgumentParser:
    """Return the options of this benchmark."""
    options = arguments(__doc__)
    options.add_argument("--documents", type=int, default=10_000)
    options.add_argument(
        "--shortest", type=int, default=0, help="use only this many of the shortest documents; 0 for all"
    )
    options.add_argument("--precision", default="auto")
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    texts = sorted(documents(path=asked.data), key=lambda text: sum(map(len, text.sentences)))
    corpus = texts[: asked.shortest or None]
    report("corpus", run(corpus, asked.documents, precision=asked.precision), asked)


if __name__ == "__main__":
    main()
