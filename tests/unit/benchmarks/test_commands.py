"""Every command line of a benchmark that is written down anywhere is understood by its benchmark."""

from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WRITTEN = {
    line
    for path in sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("docs/*.md")])
    for line in re.findall(r"python -m benchmarks\.(\w+(?: [^`\n]+)?)", path.read_text(encoding="utf-8"))
}


def understood(line: str) -> argparse.Namespace | None:
    """Parse a command line, if its benchmark has options."""
    name, *arguments = line.split()
    module = importlib.import_module(f"benchmarks.{name}")
    return module.parser().parse_args(arguments) if hasattr(module, "parser") else None


@pytest.mark.parametrize("line", sorted(WRITTEN))
def test_written_commands_are_understood(line: str) -> None:
    understood(line)


@pytest.mark.parametrize(("name", "options"), re.findall(r"\$\(call benchmark,(\w+)\)(.*)", MAKEFILE))
def test_the_suite_keeps_what_it_measures(name: str, options: str) -> None:
    for variable, value in {"shape": "bert-base", "precision": "auto", "checkout": "folder"}.items():
        options = options.replace(f"$${variable}", value)
    asked = understood(f"{name} --save --data dev.json{options}")
    assert asked is not None
    assert asked.save.name == "performance"


def test_the_suite_runs_every_benchmark() -> None:
    commands = {path.stem for path in ROOT.glob("benchmarks/*.py") if "\ndef parser()" in path.read_text("utf-8")}
    assert commands == set(re.findall(r"\$\(call benchmark,(\w+)\)", MAKEFILE))
