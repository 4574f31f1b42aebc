"""What all benchmarks share: options, and a result as one JSON object with its command, version, date and machine."""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from atlop.experiments.machine import machine
from benchmarks.documents import DATA

ROOT = Path(__file__).resolve().parents[1]
"""This checkout."""

RESULTS = ROOT / "docs" / "results" / "performance"
"""Where results are kept, one file per benchmark, from which the tables are made."""

BEFORE = {"f11de44": "before"}
"""Earlier versions that keep their rows in the tables; of all others the newest result replaces older ones."""

NOT_KEPT = ("data", "json", "save")
"""Options that do not change what is measured."""

Entry = dict[str, Any]
"""One result."""


def arguments(about: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has.

    Args:
        about: what the benchmark does, for its help.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="the Re-DocRED dev documents")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    save = "keep the result, in docs/results/performance if no folder is given"
    parser.add_argument("--save", nargs="?", type=Path, const=RESULTS, metavar="FOLDER", help=save)
    return parser


def integers(text: str) -> list[int]:
    """Parse integers separated by commas."""
    return [int(part) for part in text.split(",")]


def names(text: str) -> list[str]:
    """Parse names separated by commas."""
    return text.split(",")


def report(benchmark: str, result: Mapping[str, Any], options: argparse.Namespace, *, file: str | None = None) -> None:
    """Print a result and, with ``--save``, keep it.

    Args:
        benchmark: the name of the module.
        result: what was measured.
        options: its command-line options; those that are ``None`` are not part of the result.
        file: the name under which to keep it, if not the module's.
    """
    asked = {name: value for name, value in vars(options).items() if name not in NOT_KEPT and value is not None}
    entry = {
        "benchmark": benchmark,
        **result,
        **asked,
        "command": command(benchmark, asked),
        "version": version(ROOT),
        "date": datetime.date.today().isoformat(),
        "machine": machine(torch.device(asked.get("device", "cpu"))),
    }
    if options.save:
        keep(file or benchmark, entry, options.save)
    lines = [f"{name}: {value}" for name, value in entry.items()]
    sys.stdout.write(json.dumps(entry, indent=1) + "\n" if options.json else "\n".join(lines) + "\n")


def command(benchmark: str, asked: Mapping[str, Any]) -> str:
    """Return the command line that measures the same, with every option written out."""
    written = {name: ",".join(map(str, value)) if isinstance(value, list) else value for name, value in asked.items()}
    return " ".join([f"python -m benchmarks.{benchmark}", *(f"--{name} {value}" for name, value in written.items())])


def version(checkout: Path) -> str:
    """Return the commit of a checkout."""
    line = ["git", "-C", str(checkout), "rev-parse", "--short=7", "HEAD"]
    done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.strip() or "unknown"


def processor_of(entry: Entry) -> str:
    """Return the kind of processor on which a result was measured, or the GPU."""
    facts = entry["machine"]
    return str(facts.get("gpu") or f"{facts['processor']}, {facts['vectors']}, {facts['cores']} cores")


def kind(entry: Entry) -> tuple[str, str]:
    """Return the processor and the label of an earlier version; of two results of one kind, the newer counts."""
    return processor_of(entry), BEFORE.get(entry["version"], "")


def keep(benchmark: str, entry: Entry, folder: Path) -> None:
    """Keep a result instead of an older one of the same command and kind."""
    folder.mkdir(parents=True, exist_ok=True)
    others = [old for old in kept(benchmark, folder) if (old["command"], kind(old)) != (entry["command"], kind(entry))]
    (folder / f"{benchmark}.json").write_text(json.dumps([*others, entry], indent=1) + "\n", encoding="utf-8")


def kept(benchmark: str, folder: Path = RESULTS) -> list[Entry]:
    """Return the kept results of a benchmark, the oldest first."""
    path = folder / f"{benchmark}.json"
    entries: list[Entry] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return entries


def newest(entries: list[Entry], *options: str) -> list[Entry]:
    """Return the newest result of each kind for each choice of some options, grouped by processor."""
    found = {(kind(entry), *(str(entry[option]) for option in options)): entry for entry in entries}
    return sorted(found.values(), key=processor_of)
