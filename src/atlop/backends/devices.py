"""Devices by name, and the precisions that each of them computes in."""

from __future__ import annotations

import torch

from atlop.backends import PRECISIONS
from atlop.environment import disabled
from atlop.errors import AtlopError

TRAINING = (*PRECISIONS, "fp16")
"""Precisions to train in; fp16 is for CUDA GPUs."""


def choose_device(name: str = "auto") -> torch.device:
    """Return the device of a name; ``auto`` prefers a GPU.

    Raises:
        AtlopError: if the machine has no such device.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in available.items() if there)
    if not available.get(name, False):
        known = ", ".join(["auto", *(kind for kind, there in available.items() if there)])
        raise AtlopError(f"device: got {name!r}, expected one of {known}, which this machine has")
    return torch.device(name)


def choose_precision(name: str, device: torch.device, *, training: bool = False) -> str:
    """Return the precision of a name: ``auto`` becomes bf16 where the device multiplies in it, else fp32.

    Args:
        name: one of :data:`~atlop.backends.PRECISIONS` or, to train, of :data:`TRAINING`.
        device: where to compute.
        training: whether to train in it.

    Raises:
        AtlopError: if the device does not compute in the precision.
    """
    if name == "auto":
        return "bf16" if has_bf16(device) else "fp32"
    if name not in (TRAINING if training else PRECISIONS):
        raise AtlopError(f"precision: got {name!r}, expected one of {', '.join(TRAINING if training else PRECISIONS)}")
    if name == "bf16" and not has_bf16(device):
        problem = f"which this {_called(device)} does not support natively"
        raise AtlopError(f"precision: got 'bf16', {problem}; use auto or fp32")
    if name == "fp16" and device.type != "cuda":
        raise AtlopError(f"precision: got 'fp16', which is for CUDA GPUs and not for {device.type}; use auto or fp32")
    return name


def has_bf16(device: torch.device) -> bool:
    """Return whether a device multiplies in bf16 natively, without emulation."""
    if disabled("bf16"):
        return False
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    found = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def _called(device: torch.device) -> str:
    return "processor" if device.type == "cpu" else f"{device.type} device"
