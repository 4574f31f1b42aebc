"""The command that writes reports: what it prints, and how it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from atlop.cli import app

ROW: dict[str, Any] = {
    "sweep": "tiny",
    "name": "full",
    "seed": 1,
    "settings": {},
    "command": "atlop train base.yaml --output runs/full --set seed=1",
    "date": "2026-11-25",
    "version": "0.1.0",
    "machine": {"processor": "x86_64"},
    "minutes": 3.0,
    "parameters": 1000,
    "documents": {"train": 10, "dev": 5},
    "untuned": {"f1": 0.5},
    "tuned": {"f1": 0.6, "precision": 0.7, "recall": 0.5},
    "per_relation": {"f1": 0.6},
    "breakdown": {"intra_f1": 0.6, "inter_f1": 0.5},
    "by_entities": [],
    "curve": [],
    "reliability": {},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.jsonl").write_text(json.dumps(ROW) + "\n")
    (tmp_path / "other.jsonl").write_text(json.dumps({**ROW, "sweep": "other"}) + "\n")
    return tmp_path


def report(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["report", *arguments])


def failure(*arguments: str) -> str:
    result = report(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr


def test_a_report_of_two_sweeps(folder: Path) -> None:
    result = report("tiny.jsonl", "other.jsonl", "--output", "page.md", "--html", "page.html")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "2 rows in page.md and page.html, with 2 figures\n"
    assert "![tiny: F1 within and across sentences, and of frequent and other relations]" in (
        folder / "page.md"
    ).read_text("utf-8")
    assert sorted(path.name for path in (folder / "page-figures").iterdir()) == ["other-facts.png", "tiny-facts.png"]


def test_a_sweep_that_the_page_does_not_show(folder: Path) -> None:
    (folder / "page.md").write_text("<!-- report: tiny scores -->\n<!-- end -->\n")
    result = report("tiny.jsonl", "other.jsonl", "--output", "page.md")
    assert (result.exit_code, result.stdout) == (0, "2 rows in page.md, with 0 figures\n")
    assert result.stderr == "atlop: warning: page.md: no block shows the sweep other\n"


WRONG = {
    "missing.jsonl --output page.md": "missing.jsonl: cannot be read: No such file or directory",
    "tiny.jsonl tiny.jsonl --output page.md": "sweep tiny: got row 'full', seed 1, 2 times, expected it once",
    "tiny.jsonl --output tiny.jsonl": "--output: got 'tiny.jsonl', which is a results file or another page of "
    "this report; choose another name",
    "tiny.jsonl --output page.md --html ./page.md": "--html: got 'page.md', which is a results file or another page of "
    "this report; choose another name",
    "tiny.jsonl --output .": "--output: got '.', expected the name of a file",
    "tiny.jsonl --output no/page.md": "no/page.md: cannot be written: No such file or directory",
    "tiny.jsonl --output page.md --figures tiny.jsonl": "tiny.jsonl/tiny-facts.png: cannot be written: File exists",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_what_can_be_wrong(arguments: str, folder: Path) -> None:
    before = sorted(folder.iterdir())
    assert failure(*arguments.split()) == f"atlop: {WRONG[arguments]}\n"
    assert sorted(folder.iterdir()) == before


def test_a_block_of_an_unknown_sweep(folder: Path) -> None:
    (folder / "page.md").write_text("<!-- report: large scores -->\n<!-- end -->\n")
    message = "atlop: page.md: line 1: got sweep 'large', expected one of tiny\n"
    assert failure("tiny.jsonl", "--output", "page.md") == message


def test_an_output_is_needed(folder: Path) -> None:
    result = report("tiny.jsonl")
    assert result.exit_code == 2
    assert "--output" in result.stderr
