"""What every benchmark is asked and what it says: one JSON object with its figures, its command, date and machine."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.documents import DATA
from benchmarks.measure import machine

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results" / "performance"
"""Where results are kept, one file a benchmark, of which tables and plots are made."""

NOT_KEPT = ("data", "json", "save")
"""Options that say nothing about what was measured."""


def arguments(about: str | None) -> argparse.ArgumentParser:
    """Give a parser with the options that every benchmark has.

    Args:
        about: what the benchmark does, for its help.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="the Re-DocRED dev documents")
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of lines")
    save = "keep the result, in docs/results/performance if no folder is named"
    parser.add_argument("--save", nargs="?", type=Path, const=RESULTS, metavar="FOLDER", help=save)
    return parser


def whole_numbers(text: str) -> list[int]:
    """Read numbers that commas split, as ``--counts`` takes them."""
    return [int(part) for part in text.split(",")]


def names(text: str) -> list[str]:
    """Read names that commas split."""
    return text.split(",")


def report(benchmark: str, result: Mapping[str, Any], options: argparse.Namespace) -> None:
    """Print a result and, if asked, keep it.

    Args:
        benchmark: the name of the module.
        result: what was measured.
        options: what was asked.
    """
    asked = {name: value for name, value in vars(options).items() if name not in NOT_KEPT}
    entry = {
        "benchmark": benchmark,
        **result,
        **asked,
        "command": command(benchmark, asked),
        "date": datetime.date.today().isoformat(),
        "machine": machine(torch.device(asked.get("device", "cpu"))),
    }
    if options.save:
        keep(benchmark, entry, options.save)
    lines = [f"{name}: {value}" for name, value in entry.items()]
    sys.stdout.write(json.dumps(entry, indent=1) + "\n" if options.json else "\n".join(lines) + "\n")


def command(benchmark: str, asked: Mapping[str, Any]) -> str:
    """Give the command line that asks for the same, with every option written out."""
    written = {name: ",".join(map(str, value)) if isinstance(value, list) else value for name, value in asked.items()}
    return " ".join([f"python -m benchmarks.{benchmark}", *(f"--{name} {value}" for name, value in written.items())])


def keep(benchmark: str, entry: Mapping[str, Any], folder: Path) -> None:
    """Add a result to those that are kept of a benchmark."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = [*kept(benchmark, folder), entry]
    (folder / f"{benchmark}.json").write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def kept(benchmark: str, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Give the results that are kept of a benchmark, the oldest first."""
    path = folder / f"{benchmark}.json"
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return entries


def newest(entries: list[dict[str, Any]], *options: str) -> list[dict[str, Any]]:
    """Give the newest result for each choice of some options, in the order in which they first came."""
    return list({tuple(str(entry[option]) for option in options): entry for entry in entries}.values())
