"""Every command line of a benchmark that is written down anywhere is understood by its benchmark."""

from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WRITTEN = [
    line
    for path in sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("docs/*.md")])
    for line in re.findall(r"python -m benchmarks\.(\w+(?: [^`\n]+)?)", path.read_text(encoding="utf-8"))
]
FIXED = [
    *(
        f"predict --shape {shape} --precision {kind} --json"
        for shape in ("minilm", "bert-base")
        for kind in ("fp32", "auto")
    ),
    "predict --documents 64 --json",
    "train --shape minilm --precision bf16 --json",
    "entities --counts 100,200,300 --json",
    "length --counts 128,512,2048,8192,16384 --json",
    "corpus --documents 10000 --json",
    "precision --json",
]
"""What scripts outside the project call."""


def understood(line: str) -> argparse.Namespace | None:
    """Parse a command line, if its benchmark has options."""
    name, *arguments = line.split()
    module = importlib.import_module(f"benchmarks.{name}")
    return module.parser().parse_args(arguments) if hasattr(module, "parser") else None


@pytest.mark.parametrize("line", sorted({*WRITTEN, *FIXED}))
def test_written_commands_are_understood(line: str) -> None:
    understood(line)


@pytest.mark.parametrize(("name", "options"), re.findall(r"\$\(call benchmark,(\w+)\)(.*)", MAKEFILE))
def test_the_suite_keeps_what_it_measures(name: str, options: str) -> None:
    asked = understood(f"{name} --save --data dev.json{options}")
    assert asked is not None
    assert asked.save.name == "performance"


def test_counts_are_numbers() -> None:
    asked = understood("entities --counts 100,200")
    assert asked is not None
    assert asked.counts == [100, 200]
