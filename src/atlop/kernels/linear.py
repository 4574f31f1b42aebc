"""Linear layers for prediction on a CPU, whose weights are packed once in the order in which it reads them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Packed:
    """A weight [N, K] with a bias [N], packed by oneDNN.

    The operators are private to torch: they may be missing, or refuse the processor.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous())
        self.bias = None if bias is None else bias.detach().to(weight.dtype)

    def __call__(self, rows: Tensor) -> Tensor:
        """Return the product [..., N] with rows [..., K]."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self.weight, self.bias, "none", [], "")
        return product


class PackedLinear(nn.Module):
    """``nn.Linear`` by oneDNN, on a weight that it has packed."""

    kernel = "oneDNN, weights packed"

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.product = Packed(linear.weight, linear.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Return the layer's output [..., N] for ``input`` [..., K]."""
        return self.product(input)
