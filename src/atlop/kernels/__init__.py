"""Faster replacements for modules of the model, put in from outside; the model does not know of them.

Each computes what it replaces and is tested against it. To predict, it is used only where a probe on this machine shows
that it runs, agrees and is faster; to train, wherever it runs. Without any of them everything runs in plain
PyTorch, which ``ATLOP_DISABLE=kernels`` asks for.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache, partial

import torch
from torch import nn

from atlop.environment import disabled
from atlop.kernels.attention import attend_with_dropout
from atlop.kernels.bilinear import FEW_COLUMNS, FewColumns, RecomputingBilinear
from atlop.kernels.linear import PackedLinear
from atlop.kernels.probe import fastest, runs
from atlop.limits import BILINEAR_PAIRS, BILINEAR_PRODUCTS, ENCODER_SUBWORDS
from atlop.model.attention import attend
from atlop.model.relation_model import RelationModel
from atlop.model.scores import GroupedBilinear

PLAIN = "torch"
"""What :func:`describe` calls a module that is not replaced."""


LINEARS: dict[str, Callable[[nn.Linear], nn.Module]] = {
    PLAIN: lambda layer: layer,
    "oneDNN": PackedLinear,
}
BILINEARS: dict[str, Callable[[GroupedBilinear], GroupedBilinear]] = {
    PLAIN: lambda layer: layer,
    "few columns": FewColumns,
}
"""The candidates for each part; the first is the plain module."""


def optimize(model: RelationModel, device: torch.device, dtype: torch.dtype, *, training: bool) -> RelationModel:
    """Return a copy of a model with faster modules; it shares all weights that it does not rearrange.

    Args:
        model: the model, on the device.
        device: where it computes; only a CPU has replacements.
        dtype: what it multiplies in.
        training: whether to train it; otherwise the copy can only predict.
    """
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    copied = copy.deepcopy(model, shared)
    if device.type == "cpu" and not disabled("kernels"):
        # A probe draws random numbers. A training that predicts in between must get the same ones with and without it.
        with torch.random.fork_rng(devices=[]):
            _optimize_training(copied) if training else _optimize_prediction(copied, dtype)
    return copied


def _optimize_training(model: RelationModel) -> None:
    if runs(_train_attention):
        model.encoder.attend = attend_with_dropout
    model.bilinear = RecomputingBilinear(model.bilinear)


def _train_attention() -> None:
    """Train with :func:`attend_with_dropout`, in which a private operator of torch computes a gradient."""
    query, key, value = torch.ones(3, 1, 1, 2, 4, requires_grad=True).unbind()
    attend_with_dropout(nn.Module(), query, key, value, None, 1.0, 0.5)[0].sum().backward()


def _optimize_prediction(model: RelationModel, dtype: torch.dtype) -> None:
    threads = torch.get_num_threads()
    linear, block = model.bilinear.linear, model.bilinear.block
    chosen = _fastest_bilinear(block, linear.out_features, dtype, threads)
    model.bilinear = BILINEARS[chosen](model.bilinear)
    layers = [module for module in model.encoder.modules() if isinstance(module, nn.Linear)]
    if layers:
        largest = max(layers, key=lambda layer: layer.weight.numel())
        _replace_linears(model.encoder, LINEARS[_fastest_linear(*largest.weight.shape, dtype, threads)])


def _replace_linears(encoder: nn.Module, kind: Callable[[nn.Linear], nn.Module]) -> None:
    for parent in list(encoder.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Linear:
                setattr(parent, name, kind(child))


# The fastest is determined once per process, so that all of its models compute alike.


@cache
def _fastest_linear(outputs: int, inputs: int, dtype: torch.dtype, threads: int) -> str:
    # Up and back down, like the feed-forward layers of an encoder.
    layers = nn.Linear(inputs, outputs).to(dtype), nn.Linear(outputs, inputs).to(dtype)

    def made(kind: Callable[[nn.Linear], nn.Module]) -> nn.Module:
        return nn.Sequential(*map(kind, layers))

    makers = {name: partial(made, kind) for name, kind in LINEARS.items()}
    return fastest(makers, (torch.randn(ENCODER_SUBWORDS // 3, inputs).to(dtype),))


@cache
def _fastest_bilinear(block: int, columns: int, dtype: torch.dtype, threads: int) -> str:
    if columns > FEW_COLUMNS:
        return PLAIN
    # One group, as all groups take the same time.
    layer = GroupedBilinear(block, block, columns).to(dtype)
    makers = {name: partial(make, layer) for name, make in BILINEARS.items()}
    pairs = max(1, min(BILINEAR_PAIRS, BILINEAR_PRODUCTS // block**2))
    return fastest(makers, tuple(torch.randn(2, pairs, block).to(dtype)))


def describe(model: RelationModel) -> dict[str, str]:
    """Return what computes each replaceable part of a model."""
    linear = next((module for module in model.encoder.modules() if isinstance(module, nn.Linear | PackedLinear)), None)
    return {
        "linear layers": _called(linear),
        "attention": PLAIN if model.encoder.attend is attend else model.encoder.attend.__name__.replace("_", " "),
        "bilinear layer": _called(model.bilinear),
    }


def _called(module: nn.Module | None) -> str:
    return str(getattr(module, "kernel", PLAIN))
