"""Masks of dropout: their rate and what the seed means for them."""

from __future__ import annotations

import pytest
import torch

from atlop.kernels.dropout import keep_mask

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")

MANY = torch.Size([500, 401])
"""So many draws that 0.01 is nine standard deviations of the rate; not a multiple of four, as four come at once."""


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.9])
def test_a_mask_drops_the_wanted_share(probability: float) -> None:
    torch.manual_seed(0)
    mask = keep_mask(MANY, probability, CPU)
    assert mask.shape == MANY
    assert set(mask.unique().tolist()) <= {0.0, 1.0}
    assert abs(mask.eq(0).double().mean().item() - probability) < 0.01


def test_a_mask_drops_each_row_and_column_alike() -> None:
    torch.manual_seed(0)
    dropped = keep_mask(MANY, 0.5, CPU).eq(0).double()
    # 400 and 500 draws: six standard deviations are 0.15 and 0.14.
    assert (dropped.mean(0) - 0.5).abs().max() < 0.15
    assert (dropped.mean(1) - 0.5).abs().max() < 0.15


def test_a_mask_is_of_bytes() -> None:
    assert keep_mask(torch.Size([3]), 0.5, CPU).dtype == torch.uint8


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 3), (4, 0, 2)])
def test_a_mask_has_any_shape(shape: tuple[int, ...]) -> None:
    assert keep_mask(torch.Size(shape), 0.5, CPU).shape == shape


def test_the_same_seed_gives_the_same_masks_and_every_draw_another() -> None:
    torch.manual_seed(7)
    first, second = (keep_mask(MANY, 0.5, CPU) for _ in range(2))
    torch.manual_seed(7)
    again = keep_mask(MANY, 0.5, CPU)
    assert first.equal(again)
    assert not first.equal(second)


def test_restoring_the_generator_of_torch_restores_the_masks() -> None:
    torch.manual_seed(7)
    keep_mask(MANY, 0.5, CPU)
    state = torch.get_rng_state()
    expected = [keep_mask(torch.Size([50]), 0.5, CPU) for _ in range(3)]
    torch.set_rng_state(state)
    found = [keep_mask(torch.Size([50]), 0.5, CPU) for _ in range(3)]
    assert all(one.equal(other) for one, other in zip(found, expected, strict=True))
