"""Results are printed and kept with the command that gave them."""

from __future__ import annotations

import argparse
import datetime
import json
import platform
from pathlib import Path

import pytest
from benchmarks.report import arguments, keep, kept, names, newest, report, whole_numbers


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    options = arguments("What it does.")
    options.add_argument("--counts", type=whole_numbers, default=[1, 2])
    options.add_argument("--shapes", type=names, default=["minilm"])
    options.add_argument("--runs", type=int, default=5)
    return options


def test_a_result_is_one_object_with_its_origin(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    report(
        "entities", {"seconds": {"3": 0.5}}, parser.parse_args(["--json", "--counts", "3,4", "--data", "place.json"])
    )
    found = json.loads(capsys.readouterr().out)
    assert found.pop("date") == datetime.date.today().isoformat()
    assert set(found.pop("machine")) == {"processor", "cores", "threads", "torch"}
    assert found == {
        "benchmark": "entities",
        "seconds": {"3": 0.5},
        "counts": [3, 4],
        "shapes": ["minilm"],
        "runs": 5,
        "command": "python -m benchmarks.entities --counts 3,4 --shapes minilm --runs 5",
    }


def test_the_command_asks_for_the_same(parser: argparse.ArgumentParser, tmp_path: Path) -> None:
    asked = parser.parse_args(["--counts", "7", "--shapes", "a,b", "--save", str(tmp_path)])
    report("length", {}, asked)
    (entry,) = kept("length", tmp_path)
    again = parser.parse_args(entry["command"].split()[3:])
    assert (again.counts, again.shapes, again.runs) == ([7], ["a", "b"], 5)


def test_lines_are_printed_unless_json_is_asked_for(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    report("gpu", {"ratio": 4.5}, parser.parse_args([]))
    assert capsys.readouterr().out.splitlines()[:3] == ["benchmark: gpu", "ratio: 4.5", "counts: [1, 2]"]


def test_nothing_is_kept_unless_asked_for(parser: argparse.ArgumentParser) -> None:
    assert parser.parse_args([]).save is None
    assert parser.parse_args(["--save"]).save.parts[-3:] == ("docs", "results", "performance")


def test_results_are_added_to_those_kept(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert kept("predict", folder) == []
    for ratio in (1.5, 2.5):
        keep("predict", {"ratio": ratio}, folder)
    assert kept("predict", folder) == [{"ratio": 1.5}, {"ratio": 2.5}]
    assert [path.name for path in folder.iterdir()] == ["predict.json"]


def test_the_newest_of_each_kind_in_the_order_of_the_kinds() -> None:
    rows = [("a", [1], 1), ("b", [1], 2), ("a", [2], 3), ("a", [1], 4)]
    entries = [{"shape": shape, "counts": counts, "ratio": ratio} for shape, counts, ratio in rows]
    assert [entry["ratio"] for entry in newest(entries, "shape", "counts")] == [4, 2, 3]
    assert [entry["ratio"] for entry in newest(entries)] == [4]


def test_nothing_of_the_machine_but_what_it_is(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    report("gpu", {}, parser.parse_args(["--data", "/somewhere/dev.json"]))
    printed = capsys.readouterr().out
    assert "somewhere" not in printed
    assert platform.node() not in printed
