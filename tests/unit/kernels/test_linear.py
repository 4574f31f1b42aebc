"""Linear layers that only predict, against torch's own."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from atlop.kernels.linear import FastLinear, PackedLinear, QuantizedLinear, can_pack, replace_linears, times

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


@packs
@pytest.mark.parametrize("make", [PackedLinear, QuantizedLinear])
def test_activation_and_sum_come_after_the_product(make: Callable[[nn.Linear], PackedLinear | QuantizedLinear]) -> None:
    made, rows, other = make(layer()), torch.randn(5, 24), torch.randn(5, 10)
    with torch.inference_mode():
        plain = made(rows)
        torch.testing.assert_close(made(rows, gelu=True), nn.functional.gelu(plain), atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(made(rows, plus=other), plain + other, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_matrices_of_any_layout_are_multiplied(dtype: torch.dtype) -> None:
    wide = torch.randn(24, 40).to(dtype)
    for rows in (torch.randn(7, 24).to(dtype), torch.randn(24, 7).to(dtype).T, torch.randn(7, 30).to(dtype)[:, :24]):
        for weight in (wide[:, :10].T, wide[:, :10].T.contiguous(), torch.randn(10, 30).to(dtype)[:, 3:27]):
            expected = rows.float() @ weight.float().T
            torch.testing.assert_close(
                times(rows, weight).float(), expected, atol=0.1 if dtype.itemsize == 2 else 1e-5, rtol=0.01
            )


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("outputs", [10, 24, 60])
@pytest.mark.parametrize("shape", [(24,), (4, 24), (2, 3, 24)])
def test_a_fast_layer_learns_as_the_layer_does(bias: bool, outputs: int, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    plain = nn.Linear(24, outputs, bias=bias)
    fast, rows = FastLinear(copy.deepcopy(plain)), torch.randn(shape)
    given = [rows.clone().requires_grad_() for _ in range(2)]
    for module, mine in zip((plain, fast), given, strict=True):
        module(mine).square().sum().backward()
    torch.testing.assert_close(given[1].grad, given[0].grad, atol=1e-5, rtol=1e-4)
    for found, expected in zip(fast.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, atol=1e-5, rtol=1e-4)


def test_a_fast_layer_shares_the_weights_and_their_names() -> None:
    linear = layer()
    fast = FastLinear(linear)
    assert fast.weight is linear.weight
    assert list(fast.state_dict()) == list(linear.state_dict())


def test_a_frozen_weight_gets_no_gradient() -> None:
    fast = FastLinear(layer())
    fast.weight.requires_grad_(False)
    fast(torch.randn(3, 24)).sum().backward()
    assert fast.weight.grad is None
    assert fast.bias.grad.tolist() == [3.0] * 10


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


MANY_SIZES = """
import re, torch
from pathlib import Path
from atlop.kernels.linear import PackedLinear

layer = PackedLinear(torch.nn.Linear(64, 64), torch.bfloat16)

def resident_after(sizes):
    with torch.inference_mode():
        for rows in sizes:
            layer(torch.zeros(rows, 64, dtype=torch.bfloat16))
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

print(-resident_after(range(1, 101)) + resident_after(range(101, 1001)))
"""


@packs
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell a process's memory")
def test_code_for_sizes_long_gone_is_not_kept() -> None:
    """Were it kept, the last 900 sizes would take some 460 MB."""
    run = subprocess.run([sys.executable, "-c", MANY_SIZES], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 50_000
