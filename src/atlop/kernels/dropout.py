"""Dropout whose random numbers do not cost more than the layers around it.

On a CPU, torch draws dropout masks one number after another, which takes longer than the attention that they are for.
Here a faster generator, seeded from torch's own for every mask, draws 16 bits for each element: the same seed gives the
same masks, and restoring torch's generator restores them.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_STEPS = 2**16
"""Values of one draw; a probability is met to within half a step."""

_DRAWS_PER_NUMBER = 4
"""Draws in one 64-bit number of the generator."""

_LARGEST_SEED = 2**63 - 1


def keep_mask(shape: torch.Size, probability: float, device: torch.device) -> Tensor:
    """Draw a mask of bytes that is 0 with the given probability, else 1.

    Multiplying by bytes is many times faster than by booleans, which torch does not vectorize.
    """
    count = shape.numel()
    generator = np.random.Generator(np.random.SFC64(int(torch.randint(_LARGEST_SEED, ()))))
    draws = generator.integers(0, 2**64 - 1, -(-count // _DRAWS_PER_NUMBER), dtype=np.uint64, endpoint=True)
    keep = draws.view(np.uint16)[:count] >= round(probability * _STEPS)
    return torch.from_numpy(keep.view(np.uint8)).view(shape).to(device)
