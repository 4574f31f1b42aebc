"""Which of several modules is chosen."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from atlop.kernels.probe import fastest

INPUTS = (torch.ones(3, 4),)

Module = Callable[[Tensor], Tensor]


def takes(seconds: float, result: float = 2.0) -> Callable[[], Module]:
    def module(rows: Tensor) -> Tensor:
        time.sleep(seconds)
        return rows * result

    return lambda: module


def breaks(error: Exception) -> Callable[[], Module]:
    def module(rows: Tensor) -> Tensor:
        raise error

    return lambda: module


def missing() -> Module:
    raise AttributeError("no such operator")


def test_the_fastest_is_chosen() -> None:
    assert fastest({"plain": takes(0.02), "slow": takes(0.04), "fast": takes(0.0)}, INPUTS) == "fast"


def test_the_reference_stays_where_little_is_gained() -> None:
    assert fastest({"plain": takes(0.02), "other": takes(0.02)}, INPUTS) == "plain"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(takes(0.0, result=2.01), id="another result"),
        pytest.param(lambda: lambda rows: rows.new_full((3, 5), 2.0), id="another shape"),
        pytest.param(lambda: lambda rows: rows * torch.nan, id="not finite"),
        pytest.param(breaks(RuntimeError("bf16 path needs the cpu support avx512bw")), id="refuses the processor"),
        pytest.param(breaks(TypeError("takes 3 arguments")), id="takes other arguments"),
        pytest.param(missing, id="is not there"),
    ],
)
def test_what_does_not_run_or_does_not_agree_is_not_used(other: Callable[[], Module]) -> None:
    assert fastest({"plain": takes(0.01), "other": other}, INPUTS) == "plain"
