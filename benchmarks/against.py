"""Compare this checkout with another, in turn, as ``--against`` of the prediction and training benchmarks asks.

Each checkout computes in a process of its own, which waits while the other works.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.measure import alternate, ratio
from benchmarks.report import ROOT, report, version

CONTENDER = Path(__file__).with_name("contender.py")


@contextmanager
def contender(checkout: Path, options: Mapping[str, Any]) -> Iterator[tuple[int, Callable[[], bytes]]]:
    """Start a checkout's process, and yield its number of documents and a function that has it do its work once.

    Args:
        checkout: its folder.
        options: what to do, as :mod:`benchmarks.contender` takes it.
    """
    # Without its own folder on the path, the script finds nothing but the checkout's packages.
    line = [sys.executable, "-P", str(CONTENDER), json.dumps(options)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(checkout / "src"), str(checkout)])}
    pipe = subprocess.PIPE
    with subprocess.Popen(line, cwd=checkout, env=environment, stdin=pipe, stdout=pipe, bufsize=0) as process:

        def answer() -> bytes:
            assert process.stdout is not None
            if not (line := process.stdout.readline()):
                raise RuntimeError(f"{checkout}: the process ended before its work was done")
            return line

        def work() -> bytes:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.write(b"\n")
            return answer()

        yield int(answer()), work


def compare(work: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Time the other checkout and this one in turn.

    Args:
        work: ``predict`` or ``train``.
        asked: the options of that benchmark.
    """
    options = {name: getattr(asked, name) for name in ("shape", "precision", "documents", "device")}
    options |= {"work": work, "data": str(asked.data.resolve()), "updates": 0}
    with contender(asked.against.resolve(), options) as (first, before), contender(ROOT, options) as (second, now):
        times = alternate({"before": before, "now": now}, runs=asked.runs)
    return {
        "ratio": ratio(times),
        "seconds_per_document": statistics.median(times["now"]) / second,
        "seconds_per_document_before": statistics.median(times["before"]) / first,
        "run_seconds": times,
    }


def report_against(work: str, asked: argparse.Namespace) -> None:
    """Compare the checkouts and report; the other one appears by its commit, not by its folder."""
    found = compare(work, asked)
    asked.against = version(asked.against)
    report(work, found, asked, file="against")
