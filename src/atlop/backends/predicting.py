"""A model turned into one that only predicts, on one device, in one number format, its weights laid out for it."""

from __future__ import annotations

import copy
from functools import partial

import torch
from torch import nn

from atlop.backends.packed import PackedEncoder
from atlop.errors import AtlopError
from atlop.kernels.bilinear import PackedBilinear
from atlop.kernels.layers import Linear, has_packable_layers
from atlop.kernels.linear import PackedLinear, QuantizedLinear, can_pack, replace_linears
from atlop.model.relation_model import RelationModel

FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""The number format of the weights at each precision."""


def predicting(model: RelationModel, device: torch.device, precision: str) -> RelationModel:
    """Give a copy of a model for prediction; the model itself stays as it is.

    Args:
        model: any relation model.
        device: where to compute.
        precision: ``fp32``, ``bf16``, or ``int8``, which is for the linear layers of the encoder and leaves the rest in
            what ``auto`` would choose. Weights that are not changed are shared with ``model``.
    """
    dtype = FORMATS[choose_precision("auto", device) if precision == "int8" else precision]
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    copied = copy.deepcopy(model, shared).eval()
    if can_pack(device):
        _pack(copied, QuantizedLinear if precision == "int8" else partial(PackedLinear, dtype=dtype), dtype)
    elif precision == "int8":
        replace_linears(copied.encoder, QuantizedLinear)
    for module in copied.modules():
        _convert(module, device, dtype)
    return copied


def _pack(model: RelationModel, kind: Linear, dtype: torch.dtype) -> None:
    """Lay out the weights of a model's encoder and of its bilinear layer."""
    linear, block = model.bilinear.linear, model.bilinear.block
    model.register_module("bilinear", PackedBilinear(linear.weight.to(dtype), linear.bias, block))
    if has_packable_layers(model.encoder.transformer):
        model.register_module("encoder", PackedEncoder(model.encoder, kind))
    else:
        replace_linears(model.encoder, kind)


def choose_precision(name: str, device: torch.device) -> str:
    """Give the precision of a name; ``auto`` takes bf16 where the device multiplies in it, else fp32.

    Raises:
        AtlopError: if the device cannot compute in it.
    """
    if name == "int8" and device.type != "cpu":
        raise AtlopError(f"precision: got 'int8', expected auto, fp32 or bf16 on {device.type}; int8 is for processors")
    if name != "auto":
        return name
    return "bf16" if _multiplies_in_bf16(device) else "fp32"


def _multiplies_in_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def _convert(module: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
    for name, weight in module.named_parameters(recurse=False):
        converted = weight.detach().to(device, dtype if weight.is_floating_point() else None)
        setattr(module, name, nn.Parameter(converted, requires_grad=False))
    for name, buffer in module.named_buffers(recurse=False):
        setattr(module, name, buffer.to(device))
