"""One document in a process of its own: the seconds of its prediction, and the most memory that the process ever held.

python -m benchmarks.single document.jsonl --precision fp32 --runs 3
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import atlop
from atlop import Document
from atlop.formats import write
from benchmarks.measure import memory_mb, seconds


def measure(path: Path, *, precision: str, runs: int) -> dict[str, Any]:
    """Predict the documents of a file with the bundled model, once uncounted and then several times."""
    extractor, texts = atlop.load(device="cpu", precision=precision), atlop.read(path)
    times = [seconds(lambda: list(extractor.predict(texts))) for _ in range(runs + 1)][1:]
    return {"seconds": statistics.median(times), "peak_mb": memory_mb("VmHWM"), "run_seconds": times}


def alone(document: Document, *, precision: str, runs: int) -> dict[str, Any]:
    """Measure a document in a fresh process."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "document.jsonl"
        write([document], path, form="jsonl")
        line = [sys.executable, "-m", "benchmarks.single", str(path), "--precision", precision, "--runs", str(runs)]
        done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def each_alone(documents: Mapping[int, Document], *, precision: str, runs: int) -> dict[str, dict[str, Any]]:
    """Measure every document in a fresh process.

    Returns:
        Each figure, keyed as the documents are, though by texts, as JSON has it.
    """
    found = {str(key): alone(document, precision=precision, runs=runs) for key, document in documents.items()}
    figures = next(iter(found.values()))
    return {figure: {key: row[figure] for key, row in found.items()} for figure in figures}


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="file of the document")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    sys.stdout.write(json.dumps(measure(asked.path, precision=asked.precision, runs=asked.runs)) + "\n")


if __name__ == "__main__":
    main()
