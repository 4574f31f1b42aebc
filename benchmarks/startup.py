"""Seconds from the command line to the end of ``atlop --help``, and of ``atlop predict`` on one document.

    python -m benchmarks.startup --json

Each run is a fresh process, with the files that it reads in the cache of the system. A third process goes through the
same start step by step and tells what each takes; its steps add up to about the time of ``atlop predict``, which ends
with the interpreter and the threads of torch.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from atlop.folder import BUNDLED
from benchmarks.measure import seconds
from benchmarks.report import arguments, report

EXAMPLES = BUNDLED.parent / "examples.jsonl"
"""Whose first document is predicted."""


def run(*arguments: str) -> str:
    """Run Python in a fresh process and give what it prints."""
    return subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout


def steps(path: Path, *, precision: str) -> dict[str, float]:
    """Give the seconds of each step of a start, the bare interpreter's among them."""
    interpreter = seconds(partial(run, "-c", "pass"))
    told: dict[str, float] = json.loads(run("-m", "benchmarks.startup_steps", str(path), "--precision", precision))
    return {"interpreter": interpreter, **told}


def measure(path: Path, *, precision: str, runs: int) -> dict[str, Any]:
    """Time both commands and the steps in turn, several times each, after one that does not count."""
    helping, predicting = ["-m", "atlop", "--help"], ["-m", "atlop", "predict", str(path), "--precision", precision]
    rows = [
        (seconds(partial(run, *helping)), seconds(partial(run, *predicting)), steps(path, precision=precision))
        for _ in range(runs + 1)
    ]
    return summary(rows[1:])


def summary(rows: Sequence[tuple[float, float, dict[str, float]]]) -> dict[str, Any]:
    """Give the medians of several runs, and the seconds of each."""
    helps, predictions, parts = (list(column) for column in zip(*rows, strict=True))
    return {
        "help_seconds": statistics.median(helps),
        "predict_seconds": statistics.median(predictions),
        "steps": {step: statistics.median(part[step] for part in parts) for step in parts[0]},
        "run_seconds": {"help": helps, "predict": predictions},
    }


def parser() -> argparse.ArgumentParser:
    """Give the options of this benchmark."""
    options = arguments(__doc__)
    options.add_argument("--precision", default="auto")
    options.add_argument("--runs", type=int, default=5)
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "document.jsonl"
        with EXAMPLES.open("rb") as lines:
            path.write_bytes(next(lines))
        report("startup", measure(path, precision=asked.precision, runs=asked.runs), asked)


if __name__ == "__main__":
    main()
