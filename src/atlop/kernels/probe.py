"""Which of several modules that compute the same is the fastest on this machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

ROUNDS = 5
"""Timed calls of each module, in turn with the others."""

GAIN = 1.03
"""How many times faster than the first a module must be to replace it."""

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2, torch.float16: 1e-2}
"""Largest difference from the first module's output, as a share of its largest value."""


def fastest(makers: Mapping[str, Callable[[], Callable[..., Tensor]]], inputs: tuple[Tensor, ...]) -> str:
    """Return the name of the fastest module that runs and agrees with the first.

    Args:
        makers: make the modules, by name; the first is the reference.
        inputs: what to call them with, at the sizes that matter.
    """
    reference, *_ = makers
    with torch.no_grad():
        expected = makers[reference]()(*inputs)
        names = [name for name in makers if name == reference or _agrees(makers[name], inputs, expected)]
        modules = {name: makers[name]() for name in names}
        times: dict[str, list[float]] = {name: [] for name in modules}
        for _ in range(ROUNDS):
            for name, module in modules.items():
                started = time.perf_counter()
                module(*inputs)
                times[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    best = min(medians, key=medians.__getitem__)
    return best if medians[best] * GAIN < medians[reference] else reference


def runs(function: Callable[[], object]) -> bool:
    """Return whether a function runs on this machine."""
    try:
        function()
    # A private operator of torch can be missing, refuse the processor or change its arguments, each with its own error.
    except Exception:
        return False
    return True


def _agrees(make: Callable[[], Callable[..., Tensor]], inputs: tuple[Tensor, ...], expected: Tensor) -> bool:
    """Return whether a module runs on this machine and computes about what is expected."""
    found: list[Tensor] = []
    if not runs(lambda: found.append(make()(*inputs))) or found[0].shape != expected.shape:
        return False
    difference, largest = (found[0].float() - expected.float()).abs().max(), expected.abs().max().float()
    return bool(difference <= TOLERANCE[inputs[0].dtype] * largest)
