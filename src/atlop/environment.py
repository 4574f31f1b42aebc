"""What environment variables ask of the library."""

from __future__ import annotations

import os

DISABLE = "ATLOP_DISABLE"
"""Lists what to do without, separated by commas: ``kernels``, ``bf16``."""


def disabled(ability: str) -> bool:
    """Return whether :data:`DISABLE` lists an ability."""
    return ability in os.environ.get(DISABLE, "").split(",")
