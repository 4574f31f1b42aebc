"""Run the examples that the README, docs/text.md and docs/demo.md show, and put what they print below them.

python scripts/fill_pages.py
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

README = re.compile(r"(?s)<!-- python -->\n```python\n(?P<code>.*?)```\n\n<!-- output -->\n```text\n(?P<out>.*?)```")
TEXT = re.compile(
    r'(?s)```python title="(?P<name>\w+)\.py"\n(?P<code>.*?)```\n\n```text title="(?P=name)\.out"\n(?P<out>.*?)```'
)
DEMO = re.compile(r"(?s)<!-- demo -->\n```\n(?P<out>.*?)```\n<!-- /demo -->")


def python(shown: re.Match[str]) -> str:
    """Return what a Python example prints."""
    return run(sys.executable, "-c", shown["code"])


def demo(_: re.Match[str]) -> str:
    """Return what the demo prints, without the blanks at the ends of its lines."""
    return "".join(f"{line.rstrip()}\n" for line in run(sys.executable, "-m", "atlop", "demo").splitlines())


PAGES: dict[str, tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = {
    "README.md": (README, python),
    "docs/text.md": (TEXT, python),
    "docs/demo.md": (DEMO, demo),
}
"""By page: what an example with its output looks like, and what runs it."""


def run(*arguments: str) -> str:
    """Return what a command prints without a network or a terminal, and in fp32, as on any machine."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "ATLOP_DISABLE": "bf16"}
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def filled(page: str) -> str:
    """Return a page with the output of each of its examples."""
    pattern, printed = PAGES[page]

    def with_output(shown: re.Match[str]) -> str:
        whole, start = shown[0], shown.start()
        return whole[: shown.start("out") - start] + printed(shown) + whole[shown.end("out") - start :]

    return pattern.sub(with_output, (ROOT / page).read_text(encoding="utf-8"))


if __name__ == "__main__":
    for name in PAGES:
        (ROOT / name).write_text(filled(name), encoding="utf-8")
