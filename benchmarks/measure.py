"""Fair timing on a noisy machine: two things in one run, in turn, with the multiplication rate measured beside them."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

GEMM_SIZE = 1024
"""Side of the square matrices whose product gives the multiplication rate."""


@dataclass(frozen=True)
class Comparison:
    """Seconds of two things that ran in turn, run by run."""

    textbook: list[float]
    product: list[float]

    @property
    def ratio(self) -> float:
        """How many times the product is faster: the ratio of the medians."""
        return statistics.median(self.textbook) / statistics.median(self.product)


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


def gemm_rate(dtype: torch.dtype, device: torch.device, *, runs: int = 20) -> float:
    """Measure floating-point operations a second in a large product of matrices, the best of several runs."""
    left, right = (torch.randn(GEMM_SIZE, GEMM_SIZE, device=device).to(dtype) for _ in range(2))
    return 2 * GEMM_SIZE**3 / min(seconds(lambda: left @ right) for _ in range(runs))


def machine(device: torch.device) -> dict[str, object]:
    """Say what the figures were measured on."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {"device": name, "threads": torch.get_num_threads(), "torch": torch.__version__}
