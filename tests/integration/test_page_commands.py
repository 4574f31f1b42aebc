"""The commands that the page of the command line shows do what it says, on the examples of the page of formats."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from atlop.cli import app
from atlop.formats import read

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLES = dict(re.findall(r'```\w+ title="(\w+\.\w+)"\n(.*?)```', (DOCS / "formats.md").read_text("utf-8"), re.DOTALL))
FILES = {
    "dev.json": "example.json",
    "train.json": "example.json",
    "result.json": "result.json",
    "predictions.jsonl": "example.jsonl",
    "abstracts.txt": "example.pubtator",
    "dev.pubtator": "example.pubtator",
    "dev_filter.data": "example.data",
}
"""What stands in for the files that the page names."""
SHOWN = [line for line in (DOCS / "cli.md").read_text("utf-8").splitlines() if line.startswith("atlop ")]


def shown(command: str, *, with_text: str = "") -> list[str]:
    return [line for line in SHOWN if line.startswith(f"atlop {command} ") and with_text in line]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, source in FILES.items():
        (tmp_path / name).write_text(EXAMPLES[source], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(line: str) -> str:
    result = CliRunner().invoke(app, shlex.split(line)[1:])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("line", shown("convert"))
def test_convert(line: str, folder: Path) -> None:
    source, target = (folder / word for word in shlex.split(line) if re.search(r"\.\w+$", word))
    run(line)
    assert [document.title for document in read(target)] == [document.title for document in read(source)]


@pytest.mark.parametrize("line", shown("evaluate", with_text="--train-facts"))
def test_evaluate_with_training_facts(line: str, folder: Path) -> None:
    """The one fact is right, and known from training, so nothing is left for Ign precision."""
    rows = [row.split() for row in run(line).splitlines()]
    assert ["all", "1.0000", "1.0000", "1.0000", "1", "0", "0"] in rows
    assert ["not", "in", "training", "(Ign)", "0.0000", "1.0000", "0.0000"] in rows


@pytest.mark.parametrize("line", shown("evaluate", with_text="--json"))
def test_evaluate_for_a_script(line: str, folder: Path) -> None:
    scores = json.loads(run(line))
    assert (scores["f1"], scores["ign_f1"]) == (1.0, None)


@pytest.mark.parametrize("line", shown("evaluate", with_text="--identifiers"))
def test_evaluate_both_ways(line: str, folder: Path) -> None:
    (folder / "predictions.jsonl").unlink()
    run("atlop convert dev_filter.data --to jsonl --output predictions.jsonl")
    rows = [row.split() for row in run(line).splitlines()]
    assert ["by", "identifier", "1.0000", "1.0000", "1.0000", "1", "0", "0"] in rows


@pytest.mark.parametrize("line", shown("evaluate", with_text="--end-to-end"))
def test_evaluate_predicted_entities(line: str, folder: Path) -> None:
    rows = [row.split() for row in run(line).splitlines()]
    assert ["mentions", "1.0000", "1.0000", "1.0000", "3", "0", "0"] in rows
    assert ["relations,", "soft", "1.0000", "1.0000", "1.0000", "1", "0", "0"] in rows


@pytest.mark.parametrize("line", shown("check", with_text="--dev"))
def test_check_for_leaks(line: str, folder: Path) -> None:
    rows = [row.split() for row in run(line).splitlines()]
    assert ["dev", "documents", "with", "a", "training", "title", "1", "'Ada", "Lovelace'"] in rows
