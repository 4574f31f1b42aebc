"""What the README and other pages show is what happens."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"README.md": 1, "docs/text.md": 4, "docs/demo.md": 1, "docs/graph.md": 7}
"""The pages with examples of the bundled model, and how many each has."""


@pytest.fixture
def script() -> dict[str, Any]:
    """The names of the script that fills in the pages."""
    return runpy.run_path(str(ROOT / "scripts" / "fill_pages.py"))


def test_every_page_with_examples_is_run(script: dict[str, Any]) -> None:
    found = {
        page: len(pattern.findall((ROOT / page).read_text("utf-8"))) for page, (pattern, _) in script["PAGES"].items()
    }
    assert found == PAGES


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/demo.md", "docs/graph.md"])  # test_docs.py runs the rest
def test_a_page_shows_what_its_examples_print(script: dict[str, Any], page: str) -> None:
    assert script["filled"](page) == (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_passages_are_judged_as_the_page_shows() -> None:
    judged = runpy.run_path(str(ROOT / "scripts" / "judge_passages.py"))
    page = judged["PAGE"].read_text(encoding="utf-8")
    assert judged["filled"](page) == page


@pytest.mark.slow
def test_the_picture_is_of_the_demo() -> None:
    drawn = runpy.run_path(str(ROOT / "scripts" / "draw_demo.py"))
    assert drawn["draw"]() == drawn["PICTURE"].read_text(encoding="utf-8")


def test_make_demo_runs_the_demo() -> None:
    assert "$(BIN)/atlop demo --page demo.html\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
