"""What environment variables ask of the library."""

from __future__ import annotations

import os

DISABLE = "ATLOP_DISABLE"
"""The variable that lists, separated by commas, what to do without: ``kernels``, ``bf16``."""


def disabled(ability: str) -> bool:
    """Return whether :data:`DISABLE` lists an ability."""
    return ability in map(str.strip, os.environ.get(DISABLE, "").split(","))
