"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parents[1] / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each integration and regression test by the folder that it is in."""
    for item in items:
        kind = item.path.relative_to(TESTS).parts[0]
        if kind in ("integration", "regression"):
            item.add_marker(kind)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real corpora and reference outputs beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("the folder 'shared' with real corpora and reference outputs is not beside the checkout")
    return SHARED
