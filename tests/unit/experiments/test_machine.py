"""What a result says of the machine it was measured on."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
import torch

from atlop.experiments import machine


def test_the_processor(tmp_path: Path) -> None:
    listing = tmp_path / "cpuinfo"
    listing.write_text("processor\t: 0\nmodel name\t: Fast Chip 9 \nprocessor\t: 1\nmodel name\t: Other\n")
    assert machine.processor(listing) == "Fast Chip 9"
    assert machine.processor(tmp_path / "missing") == platform.machine()


@pytest.mark.parametrize(
    ("capability", "bf16", "expected"),
    [("AVX512", True, "AVX-512, bf16"), ("AVX512", False, "AVX-512"), ("AVX2", False, "AVX2")],
)
def test_the_vector_instructions(capability: str, bf16: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(machine, "has_bf16", lambda device: bf16)
    assert machine.machine(torch.device("cpu"))["vectors"] == expected
