"""What the README shows is what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def shown(name: str) -> str:
    """The block of the README between two comments of a name."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- {name} -->\n```\w*\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found.group(1)


def run(*arguments: str) -> str:
    """What a command prints, run from the root of the checkout without a network or a terminal."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_transcript_is_what_the_demo_prints() -> None:
    command = re.search(
        r"^demo:.*\n\t@\$\(BIN\)/atlop (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert command is not None
    printed = run(sys.executable, "-m", "atlop", *command.group(1).split())
    assert [line.rstrip() for line in printed.splitlines()] == shown("demo").splitlines()


def test_the_python_example_runs() -> None:
    assert run(sys.executable, "-c", shown("python")).strip()
