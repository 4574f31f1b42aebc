"""Run every step of docs/guide.md in a new folder, and print each command with its output.

    python scripts/run_guide.py [--write]

``--write`` also puts the commands and what they printed into the page. There, a step stands between two comments:

    <!-- step: check -->
    <!-- end -->
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "guide.md"
DATA, FOLDER = "examples/guide", "runs/guide"
"""The annotated documents, and what the steps write to; both from the root of the checkout."""

STEPS: Mapping[str, str] = {
    "check": f"atlop check {DATA}/train.jsonl --dev {DATA}/dev.jsonl",
    "mistake": (
        f"mkdir -p {FOLDER}\n"
        f"""sed '1s/105, "to_id": 100/100, "to_id": 105/' {DATA}/train.jsonl > {FOLDER}/draft.jsonl\n"""
        f"atlop check {FOLDER}/draft.jsonl"
    ),
    "train": f"atlop train {DATA}/lighthouses.yaml --output {FOLDER}/model --device cpu --init bundled",
    "tune": f"atlop tune {FOLDER}/model --dev {DATA}/dev.jsonl",
    "predict": (
        f"atlop predict {DATA}/dev.jsonl --model {FOLDER}/model --output {FOLDER}/predicted.jsonl\n"
        f"atlop evaluate --gold {DATA}/dev.jsonl --predictions {FOLDER}/predicted.jsonl"
    ),
    "evaluate": (
        f"atlop extract {DATA}/dev.jsonl --model {FOLDER}/model --output {FOLDER}/found.jsonl\n"
        f"atlop evaluate --end-to-end --gold {DATA}/dev.jsonl --predictions {FOLDER}/found.jsonl"
    ),
    "extract": f"atlop extract {DATA}/new --model {FOLDER}/model --to table",
}
"""The commands of each step."""

PLACE = re.compile(r"<!-- step: (\w+) -->\n.*?<!-- end -->", re.DOTALL)
"""Where a step goes."""


def run(command: str) -> str:
    """Run commands in the root of the checkout, and return their standard output; print both.

    Raises:
        SystemExit: if one fails.
    """
    print(*(f"$ {line}" for line in command.splitlines()), sep="\n", flush=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shell = ["bash", "-euc", command]
    done = subprocess.run(
        shell, cwd=ROOT, env={**os.environ, "PATH": path}, stdout=subprocess.PIPE, text=True, check=False
    )
    print(done.stdout, flush=True)
    if done.returncode:
        sys.exit(f"exit status {done.returncode}: {command}")
    return done.stdout


def block(name: str, output: str) -> str:
    """Return a step as it stands on the page."""
    shown = "\n".join(line.rstrip() for line in output.splitlines()).strip("\n")
    return f"<!-- step: {name} -->\n```bash\n{STEPS[name]}\n```\n\n```text\n{shown}\n```\n<!-- end -->"


def fill(page: str, outputs: Mapping[str, str]) -> str:
    """Return a page with the commands and the outputs of its steps replaced."""
    return PLACE.sub(lambda place: block(place[1], outputs[place[1]]), page)


def main() -> None:
    """Run every step in a new folder."""
    parser = argparse.ArgumentParser(description="Run every step of docs/guide.md.")
    parser.add_argument("--write", action="store_true", help="Put the commands and what they print into the page.")
    write = parser.parse_args().write
    shutil.rmtree(ROOT / FOLDER, ignore_errors=True)
    (ROOT / FOLDER).mkdir(parents=True)
    outputs = {name: run(command) for name, command in STEPS.items()}
    if write:
        PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), outputs), encoding="utf-8")


if __name__ == "__main__":
    main()
