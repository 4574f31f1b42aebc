"""Fair timing on a noisy machine: two things in one run, in turn, with the multiplication rate measured around them."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

Result = TypeVar("Result")

GEMM_SIZE = {"cpu": 1024, "cuda": 8192}
"""Side of the square matrices whose product gives the multiplication rate, by kind of device."""

FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""The number formats whose multiplication rate is measured."""


@dataclass(frozen=True)
class Comparison:
    """Seconds of two things that ran in turn, run by run."""

    textbook: list[float]
    product: list[float]

    @property
    def ratio(self) -> float:
        """How many times the product is faster: the ratio of the medians."""
        return statistics.median(self.textbook) / statistics.median(self.product)

    def to_json(self) -> dict[str, list[float]]:
        """Give the seconds of every run."""
        return {"textbook": self.textbook, "product": self.product}


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


def alternate(textbook: Callable[[], object], product: Callable[[], object], *, runs: int) -> Comparison:
    """Time two things in turn, after one run of each that does not count.

    Args:
        textbook: the baseline.
        product: what is compared with it.
        runs: counted runs of each.
    """
    rows = [(seconds(textbook), seconds(product)) for _ in range(runs + 1)][1:]
    return Comparison([row[0] for row in rows], [row[1] for row in rows])


def gemm_gflops(device: torch.device, *, runs: int = 20) -> dict[str, float]:
    """Measure the GFLOP/s of a large product of matrices in each number format, the best of several runs."""
    size = GEMM_SIZE[device.type]
    rates = {}
    for name, dtype in FORMATS.items():
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        rates[name] = 2 * size**3 / min(seconds(partial(torch.matmul, left, right)) for _ in range(runs)) / 1e9
    return rates


def beside_gemm(work: Callable[[], Result], device: torch.device) -> tuple[Result, dict[str, float]]:
    """Do some work, with the multiplication rates measured right before and right after it.

    Returns:
        What the work gives, and the better rate of each number format in GFLOP/s.
    """
    before = gemm_gflops(device)
    result = work()
    after = gemm_gflops(device)
    return result, {name: max(before[name], after[name]) for name in FORMATS}


def memory_mb(figure: str, process: int | str = "self") -> float | None:
    """Give a figure of a process's memory in MB of a million bytes, or ``None`` if the process has ended.

    The figures of ``/proc`` are of the running program alone. ``getrusage`` would also count what its parent held when
    the process was started.

    Args:
        figure: ``VmRSS`` for what is resident now, ``VmHWM`` for the most that ever was.
        process: its number.
    """
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    found = re.search(rf"^{figure}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else None


def machine(device: torch.device) -> dict[str, object]:
    """Say what the figures were measured on."""
    facts = {"processor": processor(), "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    gpu = {"gpu": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}
    return {**facts, **gpu, "torch": torch.__version__}


def processor(listing: Path = Path("/proc/cpuinfo")) -> str:
    """Name the processor, or only its kind where the system does not tell more."""
    text = listing.read_text(encoding="utf-8") if listing.exists() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()
