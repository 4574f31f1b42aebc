"""Results are printed and kept with the command that measured them, and newer ones replace older ones of one kind."""

from __future__ import annotations

import argparse
import datetime
import json
import platform
from pathlib import Path

import pytest
from benchmarks.report import ROOT, arguments, integers, keep, kept, names, newest, report, version


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    options = arguments("What it does.")
    options.add_argument("--counts", type=integers, default=[1, 2])
    options.add_argument("--shapes", type=names, default=["minilm"])
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--against")
    return options


def test_a_result_is_one_object_with_its_origin(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has the figures, the options and the command, and nothing else of the machine than what it is."""
    asked = parser.parse_args(["--json", "--counts", "3,4", "--data", "/somewhere/dev.json"])
    report("entities", {"seconds": {"3": 0.5}}, asked)
    printed = capsys.readouterr().out
    assert "somewhere" not in printed
    assert platform.node() not in printed
    found = json.loads(printed)
    assert set(found.pop("machine")) == {"processor", "vectors", "cores", "threads", "torch"}
    assert found == {
        "benchmark": "entities",
        "seconds": {"3": 0.5},
        "counts": [3, 4],
        "shapes": ["minilm"],
        "runs": 5,
        "command": "python -m benchmarks.entities --counts 3,4 --shapes minilm --runs 5",
        "version": version(ROOT),
        "date": datetime.date.today().isoformat(),
    }


def test_the_command_measures_the_same(parser: argparse.ArgumentParser, tmp_path: Path) -> None:
    report("length", {}, parser.parse_args(["--counts", "7", "--shapes", "a,b", "--save", str(tmp_path)]))
    (entry,) = kept("length", tmp_path)
    again = parser.parse_args(entry["command"].split()[3:])
    assert (again.counts, again.shapes, again.runs) == ([7], ["a", "b"], 5)


def test_nothing_is_kept_unless_asked_for(parser: argparse.ArgumentParser) -> None:
    assert parser.parse_args([]).save is None
    assert parser.parse_args(["--save"]).save.parts[-3:] == ("docs", "results", "performance")


def entry(number: int, command: str, vectors: str, version: str) -> dict[str, object]:
    machine = {"processor": "Chip", "vectors": vectors, "cores": 2}
    return {"number": number, "command": command, "version": version, "machine": machine, "shape": command}


ENTRIES = [
    entry(0, "a", "AVX2", "1111111"),
    entry(1, "a", "AVX2", "f11de44"),
    entry(2, "a", "AVX-512", "1111111"),
    entry(3, "b", "AVX2", "1111111"),
    entry(4, "a", "AVX2", "2222222"),
]
"""The last is of the same kind as the first, on newer code; the second is of the version that stays."""


def test_a_result_replaces_the_older_one_of_its_kind(tmp_path: Path) -> None:
    for result in ENTRIES:
        keep("predict", result, tmp_path / "new")
    assert [row["number"] for row in kept("predict", tmp_path / "new")] == [1, 2, 3, 4]
    assert kept("train", tmp_path / "new") == []


def test_the_newest_of_each_processor_and_version() -> None:
    assert [row["number"] for row in newest(ENTRIES, "shape")] == [2, 4, 1, 3]
    assert [row["number"] for row in newest(ENTRIES)] == [2, 4, 1]


def test_a_folder_that_is_no_checkout_has_no_version(tmp_path: Path) -> None:
    assert version(tmp_path) == "unknown"
