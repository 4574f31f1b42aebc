"""Fair timing on a noisy machine: things that take turns, with the multiplication rate measured around them."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

from atlop.backends.devices import has_bf16

Result = TypeVar("Result")

Times = dict[str, list[float]]
"""Seconds of every run of things that took turns."""

GEMM_SIZE = {"cpu": 1024, "cuda": 8192}
"""Side of the square matrices whose product gives the multiplication rate, by type of device."""


def seconds(work: Callable[[], object]) -> float:
    """Time one call, to the end of what it started on a GPU."""
    wait_for_device()
    started = time.perf_counter()
    work()
    wait_for_device()
    return time.perf_counter() - started


def wait_for_device() -> None:
    """Wait until a GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def alternate(works: Mapping[str, Callable[[], object]], *, runs: int) -> Times:
    """Time several things in turn, ``runs`` times each, after one run of each that does not count."""
    rows = [{name: seconds(work) for name, work in works.items()} for _ in range(runs + 1)][1:]
    return {name: [row[name] for row in rows] for name in works}


def ratio(times: Times) -> float:
    """Return how many times faster the second of two things is: the ratio of their medians."""
    first, second = map(statistics.median, times.values())
    return first / second


def gemm_gflops(device: torch.device, *, runs: int = 20) -> dict[str, float]:
    """Measure the GFLOP/s of a large matrix product, the best of several runs, in each dtype that the device has."""
    size = GEMM_SIZE[device.type]
    dtypes = {"fp32": torch.float32, **({"bf16": torch.bfloat16} if has_bf16(device) else {})}
    rates = {}
    for name, dtype in dtypes.items():
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        rates[name] = 2 * size**3 / min(seconds(partial(torch.matmul, left, right)) for _ in range(runs)) / 1e9
    return rates


def beside_gemm(work: Callable[[], Result], device: torch.device) -> tuple[Result, dict[str, float]]:
    """Do some work, and measure the multiplication rates right before and right after it.

    Returns:
        The result of the work, and the better rate in each dtype in GFLOP/s.
    """
    before = gemm_gflops(device)
    result = work()
    after = gemm_gflops(device)
    return result, {name: max(before[name], after[name]) for name in before}


def memory_mb(figure: str, process: int | str = "self") -> float | None:
    """Return a figure of a process's memory in MB of a million bytes, or ``None`` if the process has ended.

    ``/proc`` counts the running program alone; ``getrusage`` would include the memory of the parent that started it.

    Args:
        figure: ``VmRSS`` for what is resident now, ``VmHWM`` for the peak so far.
        process: its number.
    """
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    found = re.search(rf"^{figure}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else None
