"""What the project says of itself agrees: needs, pins and reasons."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDS = sorted({*PROJECT["dependencies"], *chain.from_iterable(PROJECT["optional-dependencies"].values())})


def name(requirement: str) -> str:
    """The name in a requirement, as package indexes compare names."""
    found = re.match(r"[\w.-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


@pytest.mark.parametrize("need", NEEDS)
def test_every_need_is_pinned(need: str) -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {name(line): line for line in lines if line and not line.startswith("#")}
    assert re.fullmatch(r"[\w.-]+==[\w.]+", pins[name(need)])


@pytest.mark.parametrize("need", NEEDS)
def test_every_need_has_its_reason(need: str) -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    assert f"| {name(need)} |" in page


def test_no_pin_names_a_build_or_a_place() -> None:
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[\w.-]+==[\w.]+", line), line
