"""Faster replacements for modules of the model, put in from outside; the model does not know of them.

Each computes what it replaces, is tested against it, and is used only where a probe on this machine shows that it runs,
agrees and is faster. Without any of them everything runs in plain PyTorch, which ``ATLOP_DISABLE=kernels`` asks for.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from atlop.environment import disabled
from atlop.kernels.attention import attend_in_blocks, attend_with_dropout
from atlop.kernels.bilinear import FEW_COLUMNS, BlockedBilinear, FewColumns, PackedBilinear, RecomputingBilinear
from atlop.kernels.dropout import FastDropout
from atlop.kernels.linear import PackedLinear, by_columns
from atlop.kernels.probe import fastest, runs
from atlop.limits import BILINEAR_PAIRS, ENCODER_SUBWORDS
from atlop.model.attention import Attend, attend
from atlop.model.relation_model import RelationModel
from atlop.model.scores import GroupedBilinear

PLAIN = "torch"
"""What :func:`describe` calls a module that is not replaced."""


def optimize(model: RelationModel, device: torch.device, dtype: torch.dtype, *, training: bool) -> RelationModel:
    """Return a copy of a model with faster modules; it shares all weights that it does not lay out anew.

    Args:
        model: the model, on the device.
        device: where it computes; only a CPU has replacements.
        dtype: what it multiplies in.
        training: whether to train it; otherwise the copy can only predict.
    """
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    copied = copy.deepcopy(model, shared)
    if device.type == "cpu" and not disabled("kernels"):
        _optimize_training(copied) if training else _optimize_prediction(copied, dtype)
    return copied


def _optimize_training(model: RelationModel) -> None:
    if runs(_train_attention):
        model.encoder.attend = attend_with_dropout
    model.bilinear = RecomputingBilinear(model.bilinear)
    for parent in list(model.encoder.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, FastDropout(child.p).train(child.training))


def _train_attention() -> None:
    """Train with :func:`attend_with_dropout`, in which a private operator of torch computes a gradient."""
    query, key, value = torch.ones(3, 1, 1, 2, 4, requires_grad=True).unbind()
    attend_with_dropout(nn.Module(), query, key, value, None, 1.0, 0.5)[0].sum().backward()


def _optimize_prediction(model: RelationModel, dtype: torch.dtype) -> None:
    if dtype == torch.bfloat16:
        model.encoder.attend = _fastest_attention(model.encoder.transformer.config)
    model.bilinear = _fastest_bilinear(model.bilinear)
    layers = [module for module in model.encoder.modules() if isinstance(module, nn.Linear)]
    if layers:
        _replace_linears(model.encoder, max(layers, key=lambda layer: layer.weight.numel()))


def _fastest_attention(config: Any) -> Attend:
    heads, length = config.num_attention_heads, ENCODER_SUBWORDS // 2
    query, key, value = torch.randn(3, 1, heads, length, config.hidden_size // heads).bfloat16()
    mask = torch.ones(1, 1, length, length, dtype=torch.bool)
    kinds: dict[str, Attend] = {PLAIN: attend, "in blocks": attend_in_blocks}
    scale = query.shape[-1] ** -0.5

    def made(kind: Attend) -> Callable[[Tensor], Tensor]:
        return lambda query: kind(nn.Module(), query, key, value, mask, scale, 0.0)[0]

    return kinds[fastest({name: partial(made, kind) for name, kind in kinds.items()}, (query,))]


def _replace_linears(encoder: nn.Module, largest: nn.Linear) -> None:
    """Replace all linear layers by the kind that is fastest for the largest of them."""
    rows = torch.randn(ENCODER_SUBWORDS, largest.in_features).to(largest.weight.dtype)
    kinds = {PLAIN: lambda layer: layer, "by columns": by_columns, "oneDNN": PackedLinear}
    kind = kinds[fastest({name: partial(make, largest) for name, make in kinds.items()}, (rows,))]
    for parent in list(encoder.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Linear:
                setattr(parent, name, kind(child))


def _fastest_bilinear(layer: GroupedBilinear) -> GroupedBilinear:
    size, dtype = layer.linear.in_features // layer.block, layer.linear.weight.dtype
    sides = tuple(torch.randn(2, BILINEAR_PAIRS, size).to(dtype))
    kinds = {PLAIN: lambda layer: layer, "blocked": BlockedBilinear, "oneDNN": PackedBilinear}
    if layer.linear.out_features <= FEW_COLUMNS:
        kinds["few columns"] = FewColumns
    chosen: GroupedBilinear = kinds[fastest({name: partial(make, layer) for name, make in kinds.items()}, sides)](layer)
    return chosen


def describe(model: RelationModel) -> dict[str, str]:
    """Return what computes each replaceable part of a model."""
    linear = next((module for module in model.encoder.modules() if isinstance(module, nn.Linear | PackedLinear)), None)
    dropout = any(isinstance(module, FastDropout) for module in model.encoder.modules())
    return {
        "linear layers": _called(linear),
        "attention": PLAIN if model.encoder.attend is attend else model.encoder.attend.__name__.replace("_", " "),
        "bilinear layer": _called(model.bilinear),
        "dropout": "fast masks" if dropout else PLAIN,
    }


def _called(module: nn.Module | None) -> str:
    if isinstance(module, nn.Linear):
        return PLAIN if module.weight.is_contiguous() else "torch, weights by columns"
    return str(getattr(module, "kernel", PLAIN))
