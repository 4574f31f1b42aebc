"""Linear layers that only predict, against torch's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from atlop.backends.devices import has_bf16
from atlop.kernels.linear import PackedLinear

pytestmark = pytest.mark.usefixtures("one_thread")

packs = pytest.mark.skipif(
    not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")),
    reason="this build of torch has no oneDNN",
)
bf16 = pytest.mark.skipif(not has_bf16(torch.device("cpu")), reason="this processor has no bf16")


def layer(*, bias: bool = True, dtype: torch.dtype = torch.float32) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(24, 10, bias=bias).to(dtype)


@packs
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(24,), (1, 24), (3, 5, 24), (2, 0, 24)])
def test_a_packed_layer_computes_what_the_layer_does(bias: bool, shape: tuple[int, ...]) -> None:
    linear, rows = layer(bias=bias), torch.randn(shape)
    with torch.inference_mode():
        torch.testing.assert_close(PackedLinear(linear)(rows), linear(rows), atol=1e-6, rtol=1e-5)


@packs
@bf16
def test_a_packed_layer_keeps_the_dtype() -> None:
    linear, rows = layer(dtype=torch.bfloat16), torch.randn(7, 24, dtype=torch.bfloat16)
    with torch.inference_mode():
        found = PackedLinear(linear)(rows)
        expected = nn.functional.linear(rows.float(), linear.weight.float(), linear.bias.float())
    assert found.dtype == torch.bfloat16
    # bf16 keeps eight bits of the result.
    torch.testing.assert_close(found.float(), expected, atol=1e-2, rtol=2**-8)


MANY_SIZES = """
import re
from pathlib import Path
from atlop.cli.startup import loading

with loading():
    import torch
    from atlop.kernels.linear import PackedLinear

layer = PackedLinear(torch.nn.Linear(64, 64))

def resident_after(sizes):
    with torch.inference_mode():
        for rows in sizes:
            layer(torch.zeros(rows, 64))
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

print(-resident_after(range(1, 101)) + resident_after(range(101, 1001)))
"""


@packs
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell a process's memory")
def test_code_for_sizes_long_gone_is_not_kept() -> None:
    """oneDNN compiles code for each size; without the limit, the command line would grow with the corpus."""
    run = subprocess.run([sys.executable, "-c", MANY_SIZES], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 50_000
