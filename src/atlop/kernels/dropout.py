"""Dropout whose random numbers do not cost more than the layers around it.

On a CPU, torch draws dropout masks one number after another, which takes longer than the attention that they are for.
Here a faster generator, seeded from torch's own for every mask, draws them 16 bits an element: the same seed gives the
same masks, and restoring torch's generator restores them.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

_STEPS = 2**16
"""Values of one draw; a probability is met to within half of one part of them."""

_DRAWS_PER_NUMBER = 4
"""Draws in one 64-bit number of the generator."""

_LARGEST_SEED = 2**63 - 1


def keep_mask(shape: torch.Size, probability: float, device: torch.device) -> Tensor:
    """Draw a mask that is 0 with the given probability, else 1, in bytes.

    Multiplying by bytes is many times faster than by booleans, which torch does not vectorise.
    """
    if device.type != "cpu":
        return torch.empty(shape, dtype=torch.uint8, device=device).bernoulli_(1 - probability)
    count = shape.numel()
    seed = int(torch.randint(_LARGEST_SEED, ()))
    generator = np.random.Generator(np.random.SFC64(seed))
    draws = generator.integers(0, 2**64 - 1, -(-count // _DRAWS_PER_NUMBER), dtype=np.uint64, endpoint=True)
    keep = draws.view(np.uint16)[:count] >= round(probability * _STEPS)
    return torch.from_numpy(keep.view(np.uint8)).view(shape)


class FastDropout(nn.Dropout):
    """``nn.Dropout`` with masks from :func:`keep_mask`."""

    def forward(self, input: Tensor) -> Tensor:
        """Set some values to zero and scale up the rest, in training only."""
        if not self.training or not self.p:
            return input
        return (input * keep_mask(input.shape, self.p, input.device)).mul_(1 / (1 - self.p))


def replace_dropout(module: nn.Module) -> None:
    """Put :class:`FastDropout` in the place of every ``nn.Dropout`` below a module."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout:
                setattr(parent, name, FastDropout(child.p).train(child.training))
