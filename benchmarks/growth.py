"""Seconds and peak memory of single documents, each in a process of its own."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import atlop
from atlop import Document
from benchmarks.measure import memory_mb, seconds


def measure(document: Document, precision: str, runs: int, model: Path | None = None) -> dict[str, Any]:
    """Predict a document in this process, once uncounted and then several times, with the bundled model or another."""
    extractor = atlop.load(model, device="cpu", precision=precision)
    times = [seconds(lambda: extractor.predict(document)) for _ in range(runs + 1)][1:]
    return {"seconds": statistics.median(times), "peak_mb": memory_mb("VmHWM"), "run_seconds": times}


def alone(document: Document, *, precision: str, runs: int, model: Path | None = None) -> dict[str, Any]:
    """Measure a document in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, document, precision, runs, model).result()


def each_alone(documents: Mapping[int, Document], *, precision: str, runs: int) -> dict[str, dict[str, Any]]:
    """Measure every document in a fresh process.

    Returns:
        Each figure by the keys of the documents, as strings, which JSON needs.
    """
    found = {str(key): alone(document, precision=precision, runs=runs) for key, document in documents.items()}
    figures = next(iter(found.values()))
    return {figure: {key: row[figure] for key, row in found.items()} for figure in figures}
