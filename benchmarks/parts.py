"""The replaceable parts of the model in all their forms, at the sizes that MiniLM has on Re-DocRED."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from atlop import kernels
from atlop.kernels.attention import attend_with_dropout
from atlop.kernels.bilinear import RecomputingBilinear
from atlop.limits import BILINEAR_PAIRS, ENCODER_SUBWORDS
from atlop.model.attention import Attend, attend
from atlop.model.scores import GroupedBilinear

DOCUMENTS, LENGTH, PAIRS = 4, 300, 1520
"""Documents of an update, subwords of each, and the pairs of all."""

WIDTH, INNER, HEADS = 384, 1536, 12
"""Width of the encoder and of its feed-forward layer, and attention heads."""

SIZE, BLOCK, COLUMNS = 768, 64, 97
"""Width of head and tail, features of a group, and relations with the threshold."""

DROPOUT = 0.1

SCALE = (WIDTH // HEADS) ** -0.5

Form = Callable[[], object]
"""Computes a part once."""

Forms = dict[str, Callable[[], Form]]
"""Functions that make the forms of a part, by name; the first is the plain module."""

Make = Callable[[Any], Callable[..., Any]]
"""Makes a form from the plain module."""


def linear(dtype: torch.dtype) -> Forms:
    """Return the forms of a linear layer."""
    return _forms(kernels.LINEARS, nn.Linear(WIDTH, INNER).to(dtype), torch.randn(ENCODER_SUBWORDS, WIDTH).to(dtype))


def few_columns(dtype: torch.dtype) -> Forms:
    """Return the forms of the bilinear layer for one relation: the plain one and that for few columns."""
    return _forms(kernels.BILINEARS, GroupedBilinear(SIZE, BLOCK, 2).to(dtype), *_sides(dtype))


def _sides(dtype: torch.dtype) -> Tensor:
    return torch.randn(2, BILINEAR_PAIRS, SIZE).to(dtype)


def training_attention() -> Forms:
    """Return the forms of attention with dropout."""
    mask = torch.ones(DOCUMENTS, 1, LENGTH, LENGTH).bool()

    def made(kind: Attend) -> Make:
        return lambda layer: lambda query, key, value: kind(layer, query, key, value, mask, SCALE, DROPOUT)[0]

    kinds = {kernels.PLAIN: attend, "fast masks": attend_with_dropout}
    inputs = torch.randn(3, DOCUMENTS, HEADS, LENGTH, WIDTH // HEADS)
    return _trained({name: made(kind) for name, kind in kinds.items()}, nn.Module(), *inputs)


def training_bilinear() -> Forms:
    """Return the forms of the bilinear layer."""
    makers: dict[str, Make] = {kernels.PLAIN: _same, "recomputing": RecomputingBilinear}
    return _trained(makers, GroupedBilinear(SIZE, BLOCK, COLUMNS), *torch.randn(2, PAIRS, SIZE))


def _same(layer: Any) -> Any:
    return layer


TRAINING: dict[str, tuple[str, Any, Callable[[], Forms]]] = {
    "attention": ("attend_with_dropout", attend, training_attention),
    "bilinear layer": ("RecomputingBilinear", _same, training_bilinear),
}
"""By part: the name of its replacement in :mod:`atlop.kernels`, what takes its place when it is off, and its forms."""


def _forms(makers: Mapping[str, Make], layer: nn.Module, *inputs: Any) -> Forms:
    def made(make: Make) -> Callable[[], Form]:
        return lambda: partial(make(layer), *inputs)

    return {name: made(make) for name, make in makers.items()}


def _trained(makers: Mapping[str, Make], layer: nn.Module, *inputs: Tensor) -> Forms:
    """Return forms that compute forward and backward."""

    def made(make: Make) -> Make:
        def train(work: Callable[..., Tensor], *inputs: Tensor) -> None:
            work(*inputs).sum().backward()

        return lambda layer: partial(train, make(layer))

    learning = [tensor.clone().requires_grad_() for tensor in inputs]
    return _forms({name: made(make) for name, make in makers.items()}, layer, *learning)
