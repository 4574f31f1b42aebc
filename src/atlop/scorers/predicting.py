"""A model turned into one that only predicts, on one device, in one number format, its weights laid out for it."""

from __future__ import annotations

import copy

import torch
from torch import nn

from atlop.kernels.bilinear import PackedBilinear
from atlop.kernels.linear import can_pack, pack_linears
from atlop.model.relation_model import RelationModel


def predicting(model: RelationModel, device: torch.device, dtype: torch.dtype) -> RelationModel:
    """Give a copy of a model for prediction; the model itself stays as it is.

    Args:
        model: any relation model.
        device: where to compute.
        dtype: number format of the weights; what is not changed is shared with ``model``.
    """
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    copied = copy.deepcopy(model, shared).eval()
    for module in copied.modules():
        _convert(module, device, dtype)
    if can_pack(device):
        pack_linears(copied.encoder)
        linear = model.bilinear.linear
        packed = PackedBilinear(linear.weight.to(dtype), linear.bias, model.bilinear.block)
        copied.register_module("bilinear", packed)
    return copied


def _convert(module: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
    for name, weight in module.named_parameters(recurse=False):
        converted = weight.detach().to(device, dtype if weight.is_floating_point() else None)
        setattr(module, name, nn.Parameter(converted, requires_grad=False))
    for name, buffer in module.named_buffers(recurse=False):
        setattr(module, name, buffer.to(device))
