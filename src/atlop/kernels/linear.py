"""Linear layers for prediction on a CPU, whose weights are packed once in the order in which it reads them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PackedLinear(nn.Module):
    """``nn.Linear`` by oneDNN, on a weight that it has packed.

    The operators are private to torch: they may be missing, or refuse the processor.
    """

    kernel = "oneDNN, weights packed"

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach().contiguous())
        self.bias = None if linear.bias is None else linear.bias.detach().to(linear.weight.dtype)

    def forward(self, input: Tensor) -> Tensor:
        """Return the layer's output [..., N] for ``input`` [..., K]."""
        product: Tensor = torch.ops.mkldnn._linear_pointwise(input, self.weight, self.bias, "none", [], "")
        return product
