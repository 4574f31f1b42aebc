"""Linear layers for a CPU.

For fp32, torch by itself calls a library that is slower on some processors than oneDNN, which has kernels for it too:
:func:`times` calls those. For prediction, weights are also laid out once in the order in which the processor reads
them, where torch does it anew in every call.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

# oneDNN keeps the code that it makes for each size of input, by default 1,024 pieces, and the layer between it and
# torch keeps more: gigabytes where every document has another length, for no gain in speed. Both look when first used.
for _cache in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
    os.environ.setdefault(_cache, "64")


def can_pack(device: torch.device) -> bool:
    """Tell whether this build of torch has the kernels, and for this device."""
    return (
        device.type == "cpu" and torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


def times(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Give ``rows`` [..., K] times ``weight`` [N, K] plus ``bias`` [N], [..., N]; no gradient goes through it."""
    if rows.dtype != torch.float32 or not can_pack(rows.device):
        return nn.functional.linear(rows, weight, bias)
    product: Tensor = torch.ops.mkldnn._linear_pointwise(_dense(rows), _dense(weight), bias, "none", [], "")
    return product


def _dense(matrix: Tensor) -> Tensor:
    """Give a matrix without gaps between its rows or its columns: for one with gaps oneDNN has only very slow code."""
    dense = matrix.is_contiguous() or (matrix.dim() == 2 and matrix.T.is_contiguous())
    return matrix if dense else matrix.contiguous()


class FastLinear(nn.Linear):
    """``nn.Linear`` that trains by :func:`times` in fp32 on a CPU.

    Args:
        linear: the layer whose weights it takes, not copies of them.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear.in_features, linear.out_features, device="meta")
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, input: Tensor) -> Tensor:
        """Give the layer's output [..., N] for ``input`` [..., K]."""
        device = input.device.type
        if device != "cpu" or torch.is_autocast_enabled(device) or not torch.is_grad_enabled():
            return super().forward(input)
        output: Tensor = _Linear.apply(input, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return output


class _Linear(torch.autograd.Function):
    """A linear layer whose three products all are :func:`times`."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Compute the product and keep its factors."""
        ctx.save_for_backward(rows, weight)
        return times(rows, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Give the gradients that are asked for."""
        rows, weight = ctx.saved_tensors
        for_rows, for_weight, for_bias = ctx.needs_input_grad
        flat = gradient.reshape(-1, gradient.shape[-1])
        return (
            times(gradient, weight.T) if for_rows else None,
            _weight_gradient(flat, rows.reshape(-1, rows.shape[-1])) if for_weight else None,
            flat.sum(0) if for_bias else None,
        )


def _weight_gradient(gradient: Tensor, rows: Tensor) -> Tensor:
    """Give [N, K] of ``gradient`` [T, N] and ``rows`` [T, K], with the shorter side of the result as rows."""
    if gradient.shape[1] <= rows.shape[1]:
        return times(gradient.T, rows.T)
    return times(rows.T, gradient.T).T


class Packed:
    """A weight to multiply rows with.

    Args:
        weight: [N, K], in the number format to multiply in.
        bias: [N], or ``None``.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous())
        self.bias = None if bias is None else bias.detach()

    def __call__(self, rows: Tensor, *, gelu: bool = False, plus: Tensor | None = None) -> Tensor:
        """Multiply rows with the weight.

        Args:
            rows: [..., K], in the weight's number format.
            gelu: whether to apply GELU to the product.
            plus: what to add to the product, [..., N].

        Returns:
            [..., N].
        """
        product: Tensor
        if plus is None:
            name, algorithm = ("gelu", "none") if gelu else ("none", "")
            product = torch.ops.mkldnn._linear_pointwise(rows, self.weight, self.bias, name, [], algorithm)
        else:
            product = torch.ops.mkldnn._linear_pointwise.binary(rows, plus, self.weight, self.bias, "add")
        return product


class PackedLinear(nn.Module):
    """A linear layer that can only predict.

    Args:
        linear: the layer.
        dtype: the number format to multiply in; by default the layer's own.
    """

    def __init__(self, linear: nn.Linear, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        bias = None if linear.bias is None else linear.bias.to(dtype or linear.bias.dtype)
        self.product = Packed(linear.weight.to(dtype or linear.weight.dtype), bias)

    def forward(self, rows: Tensor, *, gelu: bool = False, plus: Tensor | None = None) -> Tensor:
        """Give the layer's output [..., N] for ``rows`` [..., K]; see :class:`Packed`."""
        return self.product(rows, gelu=gelu, plus=plus)


class QuantizedLinear(nn.Module):
    """A linear layer that only predicts, in whole numbers of 8 bits.

    Each column of the weight has a scale of its own, and so has every row that comes in, found as it comes: one large
    value spoils the precision of its own row only.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach().float()
        self.scale = _scale(weight)
        self.weight = (weight / self.scale).round_().to(torch.int8).T
        self.scale = self.scale.T
        self.bias = None if linear.bias is None else linear.bias.detach().float()

    def forward(self, rows: Tensor, *, gelu: bool = False, plus: Tensor | None = None) -> Tensor:
        """Give the layer's output [..., N] for ``rows`` [..., K], in their number format; see :class:`Packed`."""
        flat = rows.flatten(0, -2).float()
        scale = _scale(flat)
        product: Tensor = torch._int_mm((flat / scale).round_().to(torch.int8), self.weight) * (scale * self.scale)
        if self.bias is not None:
            product += self.bias
        product = (nn.functional.gelu(product) if gelu else product).to(rows.dtype).view(*rows.shape[:-1], -1)
        return product if plus is None else product + plus


def _scale(rows: Tensor) -> Tensor:
    """Give for every row [..., K] what its largest value is divided by to become 127, [..., 1]; never 0."""
    return rows.abs().amax(-1, keepdim=True).div_(127).clamp_(min=torch.finfo(rows.dtype).tiny)


def replace_linears(module: nn.Module, kind: Callable[[nn.Linear], nn.Module]) -> None:
    """Put another kind of layer in the place of every linear layer below a module."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear) and type(child) in (nn.Linear, FastLinear):
                setattr(parent, name, kind(child))
