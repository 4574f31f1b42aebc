"""Linear layers that only predict, against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from atlop.kernels.linear import PackedLinear, QuantizedLinear, can_pack, replace_linears

pytestmark = pytest.mark.usefixtures("one_thread")

packs = pytest.mark.skipif(not can_pack(torch.device("cpu")), reason="this build of torch has no oneDNN")


def layer(*, bias: bool = True, dtype: torch.dtype = torch.float32) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(24, 10, bias=bias).to(dtype)


@packs
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(24,), (1, 24), (3, 5, 24), (2, 0, 24)])
def test_a_packed_layer_gives_what_the_layer_gives(bias: bool, shape: tuple[int, ...]) -> None:
    linear, rows = layer(bias=bias), torch.randn(shape)
    with torch.inference_mode():
        torch.testing.assert_close(PackedLinear(linear)(rows), linear(rows), atol=1e-6, rtol=1e-5)


@packs
def test_a_packed_layer_keeps_the_number_format() -> None:
    linear, rows = layer(dtype=torch.bfloat16), torch.randn(7, 24, dtype=torch.bfloat16)
    with torch.inference_mode():
        found = PackedLinear(linear)(rows)
        expected = nn.functional.linear(rows.float(), linear.weight.float(), linear.bias.float())
    assert found.dtype == torch.bfloat16
    # bf16 keeps eight bits of the result.
    torch.testing.assert_close(found.float(), expected, atol=1e-2, rtol=2**-8)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_quantised_layer_is_off_by_no_more_than_its_rounding(bias: bool, dtype: torch.dtype) -> None:
    linear, rows = layer(bias=bias), torch.randn(4, 6, 24).to(dtype)
    found = QuantizedLinear(linear)(rows)
    assert found.dtype == dtype
    weight, flat = linear.weight.detach(), rows.float()
    step_of_row, step_of_weight = flat.abs().amax(-1, keepdim=True) / 127, weight.abs().amax(1) / 127
    # Each of the 24 products is off by at most half a step of one factor times the other, both ways.
    bound = (flat.abs().sum(-1, keepdim=True) * step_of_weight + weight.abs().sum(1) * step_of_row) / 2
    bound += 24 * step_of_row * step_of_weight / 4
    expected = nn.functional.linear(flat, weight, linear.bias)
    slack = 1e-5 if dtype == torch.float32 else expected.abs() * 2**-7 + 1e-3
    assert ((found.float() - expected).abs() <= bound + slack).all()


def test_whole_numbers_within_a_byte_are_multiplied_exactly() -> None:
    linear = nn.Linear(3, 2, bias=False)
    linear.weight.data = torch.tensor([[127.0, 0.0, -5.0], [1.0, 127.0, 2.0]])
    rows = torch.tensor([[127.0, 3.0, -2.0], [0.0, 127.0, 1.0]])
    assert QuantizedLinear(linear)(rows).round().tolist() == [[16139, 504], [-5, 16131]]


def test_rows_of_zeros_give_the_bias() -> None:
    linear = layer()
    torch.testing.assert_close(QuantizedLinear(linear)(torch.zeros(2, 24)), linear.bias.detach().expand(2, -1))


def test_one_large_row_leaves_the_others_as_they_are() -> None:
    quantised, rows = QuantizedLinear(layer()), torch.randn(3, 24, generator=torch.Generator().manual_seed(1))
    changed = rows.clone()
    changed[0] *= 1000
    assert quantised(changed)[1:].equal(quantised(rows)[1:])


def test_every_linear_layer_is_replaced_and_nothing_else() -> None:
    module = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Sequential(nn.LayerNorm(2), nn.Linear(2, 3))})
    replace_linears(module, QuantizedLinear)
    kinds = [type(part) for part in module.modules()]
    assert kinds == [nn.ModuleDict, QuantizedLinear, nn.Sequential, nn.LayerNorm, QuantizedLinear]


def test_nothing_is_packed_for_another_device() -> None:
    assert not can_pack(torch.device("cuda"))
