"""Seconds from the command line to the end of ``atlop --help``, and of ``atlop predict`` on one document.

    python -m benchmarks.startup --json

Each run is a fresh process, with the files that it reads in the cache of the system.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from atlop.folder import BUNDLED
from benchmarks.measure import alternate
from benchmarks.report import arguments, report

EXAMPLES = BUNDLED.parent / "examples.jsonl"
"""The file whose first document is predicted."""


def run(*arguments: str) -> None:
    """Run a command of atlop in a fresh process."""
    subprocess.run([sys.executable, "-m", "atlop", *arguments], stdout=subprocess.DEVNULL, check=True)


def measure(*, precision: str, runs: int) -> dict[str, Any]:
    """Time both commands in turn."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "document.jsonl"
        with EXAMPLES.open("rb") as lines:
            path.write_bytes(next(lines))
        works = {
            "help": lambda: run("--help"),
            "predict": lambda: run("predict", str(path), "--precision", precision),
        }
        times = alternate(works, runs=runs)
    return {**{f"{name}_seconds": statistics.median(taken) for name, taken in times.items()}, "run_seconds": times}


def parser() -> argparse.ArgumentParser:
    """Return the options of this benchmark."""
    options = arguments(__doc__)
    options.add_argument("--precision", default="auto")
    options.add_argument("--runs", type=int, default=5)
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    report("startup", measure(precision=asked.precision, runs=asked.runs), asked)


if __name__ == "__main__":
    main()
