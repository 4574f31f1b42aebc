"""Run the examples of the bundled model that some pages show, and put what they print below them.

Usage:

    python scripts/fill_pages.py
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]

README = re.compile(r"(?s)<!-- python -->\n```python\n(?P<code>.*?)```\n\n<!-- output -->\n```text\n(?P<out>.*?)```")
TEXT = re.compile(
    r'(?s)```python title="(?P<name>\w+)\.py"\n(?P<code>.*?)```\n\n```text title="(?P=name)\.out"\n(?P<out>.*?)```'
)
SHELL = re.compile(r"(?s)```bash\n(?P<code>atlop [^`]*)```(?:\n\n```text\n(?P<out>.*?)```)?")
DEMO = re.compile(r"(?s)<!-- demo -->\n```\n(?P<out>.*?)```\n<!-- /demo -->")


def python(shown: re.Match[str]) -> str:
    """Return what a Python example prints."""
    return run(sys.executable, "-c", shown["code"])


def shell(shown: re.Match[str]) -> str:
    """Return what commands print in the folder that all examples of a page share."""
    return run("bash", "-euc", shown["code"])


def demo(_: re.Match[str]) -> str:
    """Return what the demo prints."""
    return run("atlop", "demo")


PAGES: dict[str, tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = {
    "README.md": (README, python),
    "docs/text.md": (TEXT, python),
    "docs/demo.md": (DEMO, demo),
    "docs/graph.md": (SHELL, shell),
}
"""By page: what an example with its output looks like, and what runs it."""


def run(*arguments: str) -> str:
    """Return what a command prints without a network or a terminal, in fp32, as on any machine; blanks are trimmed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "HF_HUB_OFFLINE": "1", "ATLOP_DISABLE": "bf16"}
    done = subprocess.run(arguments, env=environment, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return "\n".join(lines).strip("\n") + "\n"


def filled(page: str) -> str:
    """Return a page with the output of each of its examples, which are run in one new folder."""
    pattern, printed = PAGES[page]

    def with_output(shown: re.Match[str]) -> str:
        whole, out = shown[0], printed(shown)
        if shown.groupdict()["out"] is None:
            return whole
        start, end = (place - shown.start() for place in shown.span("out"))
        return whole[:start] + out + whole[end:]

    with TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("src").symlink_to(ROOT / "src")
        return pattern.sub(with_output, (ROOT / page).read_text(encoding="utf-8"))


if __name__ == "__main__":
    for name in PAGES:
        (ROOT / name).write_text(filled(name), encoding="utf-8")
