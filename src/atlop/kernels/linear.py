"""Linear layers for prediction on a CPU, their weights laid out once in the order in which the processor reads them.

Torch lays a weight out anew in every call. Doing it once also opens oneDNN's kernels for fp32, where torch by itself
calls a library that is slower on some processors. What is packed can only predict.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def can_pack(device: torch.device) -> bool:
    """Tell whether this build of torch has the kernels, and for this device."""
    return (
        device.type == "cpu" and torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


class Packed:
    """A weight to multiply rows with.

    Args:
        weight: [N, K], in the number format to multiply in.
        bias: [N], or ``None``.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous())
        self.bias = None if bias is None else bias.detach()

    def __call__(self, rows: Tensor) -> Tensor:
        """Give ``rows`` [..., K], which have the weight's number format, times the weight, [..., N]."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self.weight, self.bias, "none", [], "")
        return product


class PackedLinear(nn.Module):
    """A linear layer that can only predict."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.product = Packed(linear.weight, linear.bias)

    def forward(self, rows: Tensor) -> Tensor:
        """Give the layer's output [..., N] for ``rows`` [..., K]."""
        return self.product(rows)


def pack_linears(module: nn.Module) -> None:
    """Put :class:`PackedLinear` in the place of every ``nn.Linear`` below a module."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Linear:
                setattr(parent, name, PackedLinear(child))
