"""What the README and the page of the demo show is what happens."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def shown(file: str, name: str) -> str:
    """The block of a page after a comment of a name."""
    found = re.search(rf"<!-- {name} -->\n```\w*\n(.*?)```", (ROOT / file).read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1)


def run(*arguments: str) -> str:
    """What a command prints, run without a network or a terminal."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_transcript_is_what_the_demo_prints() -> None:
    assert "$(BIN)/atlop demo\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    printed = run(sys.executable, "-m", "atlop", "demo")
    assert [line.rstrip() for line in printed.splitlines()] == shown("docs/demo.md", "demo").splitlines()


@pytest.mark.slow
def test_the_example_prints_what_is_shown() -> None:
    assert run(sys.executable, "-c", shown("README.md", "python")) == shown("README.md", "output")


@pytest.mark.slow
def test_the_picture_is_of_the_demo() -> None:
    drawn = runpy.run_path(str(ROOT / "scripts" / "draw_demo.py"))
    assert drawn["draw"]() == drawn["PICTURE"].read_text(encoding="utf-8")
