"""The machine on which something is trained or measured."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import torch

from atlop.backends.devices import has_bf16

VECTORS = {"AVX512": "AVX-512", "DEFAULT": "no vectors"}
"""What reports call the vector instructions that torch names otherwise."""


def machine(device: torch.device) -> dict[str, object]:
    """Describe what the figures were measured on."""
    facts = {"processor": processor(), "vectors": vectors(), "cores": os.cpu_count()}
    gpu = {"gpu": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}
    return {**facts, "threads": torch.get_num_threads(), **gpu, "torch": torch.__version__}


def vectors() -> str:
    """Name the vector instructions that torch uses, with bf16 where the processor multiplies in it."""
    name = torch.backends.cpu.get_cpu_capability()
    return VECTORS.get(name, name) + (", bf16" if has_bf16(torch.device("cpu")) else "")


def processor(listing: Path = Path("/proc/cpuinfo")) -> str:
    """Name the processor, or only its architecture where the system does not say more."""
    text = listing.read_text(encoding="utf-8") if listing.exists() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()
