"""The guide: its page shows what its script runs, and what that prints."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from atlop.cli import app
from atlop.formats import read

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
GUIDE: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "run_guide.py"))
STEPS: dict[str, str] = GUIDE["STEPS"]

Play = Callable[[str], str]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Play:
    """Run the commands of a step in a folder with the examples, those of atlop in this process."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "runs" / "guide").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

    def run(commands: str) -> str:
        outputs, before = [], ""
        for line in commands.splitlines():
            if line.startswith("atlop "):
                outputs.append(_run(_shell(f"{before}echo {line}")))
            else:
                before += f"{line}\n"
        return "".join(outputs)

    return run


def _shell(commands: str) -> str:
    """Return what bash prints; what precedes a command of atlop may write files or set variables."""
    return subprocess.run(["bash", "-euc", commands], check=True, capture_output=True, text=True).stdout


def _run(line: str) -> str:
    result = CliRunner().invoke(app, shlex.split(line)[1:])
    assert result.exit_code == 0, result.output
    return result.stdout


def shown(name: str) -> str:
    """A step as it stands on the page."""
    found = re.search(rf"<!-- step: {name} -->\n.*?<!-- end -->", PAGE, re.DOTALL)
    assert found
    return found[0]


def test_the_page_has_every_step_in_order() -> None:
    assert GUIDE["PLACE"].findall(PAGE) == list(STEPS)


@pytest.mark.parametrize("name", STEPS)
def test_the_page_shows_the_commands_that_are_run(name: str) -> None:
    remedy = "run: python scripts/run_guide.py --write"
    assert shown(name).startswith(f"<!-- step: {name} -->\n```bash\n{STEPS[name]}\n```\n\n```text\n"), remedy


@pytest.mark.parametrize("name", ["check", "mistake"])
def test_what_is_cheap_prints_what_is_shown(name: str, play: Play) -> None:
    assert shown(name) == GUIDE["block"](name, play(STEPS[name])), "run: python scripts/run_guide.py --write"


def test_the_page_shows_the_configuration() -> None:
    config = (ROOT / "examples" / "guide" / "lighthouses.yaml").read_text(encoding="utf-8")
    assert f'```yaml title="lighthouses.yaml"\n{config}```' in PAGE


def test_a_page_is_filled_with_commands_and_outputs() -> None:
    page = "before\n<!-- step: check -->\nold\n<!-- end -->\nafter\n"
    assert GUIDE["fill"](page, {"check": "\n holds  1   \n\n"}) == (
        "before\n<!-- step: check -->\n"
        f"```bash\n{STEPS['check']}\n```\n\n```text\n holds  1\n```\n"
        "<!-- end -->\nafter\n"
    )


def test_a_step_that_fails_ends_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="exit status 3: echo begun; exit 3"):
        GUIDE["run"]("echo begun; exit 3")
    assert capfd.readouterr().out == "$ echo begun; exit 3\nbegun\n\n"


@pytest.mark.slow
def test_every_step_runs_in_order(play: Play) -> None:
    """After one epoch instead of many, so what the model finds is not looked at."""
    commands = {**STEPS, "train": f"{STEPS['train']} --set epochs=1"}
    outputs = {name: play(lines) for name, lines in commands.items()}
    assert outputs["train"].startswith("Model in runs/guide/model; best epoch: f1 ")
    assert all("F1" in outputs[name] for name in ("predict", "evaluate"))
    titles = [document.title for document in read("runs/guide/found.jsonl")]
    assert titles == [document.title for document in read("examples/guide/dev.jsonl")]
