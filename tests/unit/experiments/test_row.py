"""Rows are read as they were written, and a broken line is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atlop.errors import AtlopError
from atlop.experiments.row import Row, read_rows, write_rows

MakeRow = Callable[..., Row]
RESULTS = sorted((Path(__file__).parents[3] / "docs" / "results").glob("*.jsonl"))


def problem(path: Path) -> str:
    with pytest.raises(AtlopError) as caught:
        read_rows(path)
    return str(caught.value)


def test_rows_are_read_as_they_were_written(make_row: MakeRow, tmp_path: Path) -> None:
    curve = [[0.1, 0.9], [0.2, 0.8]]  # JSON knows no tuples
    rows = [make_row(seed=seed, curve=curve, published={"f1": 61.1, "source": "a paper"}) for seed in (1, 2)]
    write_rows(tmp_path / "tiny.jsonl", rows)
    assert read_rows(tmp_path / "tiny.jsonl") == rows
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.jsonl"]


@pytest.mark.parametrize("character", ["\u2028", "\x85", "\n", "é"])
def test_a_name_holds_any_character(character: str, make_row: MakeRow, tmp_path: Path) -> None:
    write_rows(tmp_path / "tiny.jsonl", [make_row(name=f"a{character}b")])
    assert [row.name for row in read_rows(tmp_path / "tiny.jsonl")] == [f"a{character}b"]


def test_the_key_is_the_name_and_the_seed(make_row: MakeRow) -> None:
    assert make_row("full", 7).key == ("full", 7)


BROKEN = {
    "{": "not readable as JSON: Expecting property name enclosed in double quotes: line 2 column 1 (char 2)",
    "": "not readable as JSON: Expecting value: line 2 column 1 (char 1)",
    "[1]": "got [1] (list), expected a row that `atlop sweep` wrote",
    '{"title": "x"}': "got {'title': 'x'} (dict), expected a row that `atlop sweep` wrote",
}


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_line_is_named(line: str, make_row: MakeRow, tmp_path: Path) -> None:
    path = tmp_path / "tiny.jsonl"
    path.write_text(f"{json.dumps(make_row().to_json())}\n{line}\n")
    assert problem(path) == f"{path}: line 2: {BROKEN[line]}"


WRONG = {
    "name": (7, "got 7 (int), expected str"),
    "minutes": ("long", "got 'long' (str), expected float"),
    "seed": (True, "got True (bool), expected int"),
    "curve": ({}, "got {} (dict), expected list[tuple[float, float]]"),
    "tuned": ({"f1": "high"}, "got {'f1': 'high'} (dict), expected dict[str, float]"),
    "breakdown": ({"f1": []}, "got {'f1': []} (dict), expected dict[str, float | None]"),
    "history": ([{"epoch": "one"}], "got [{'epoch': 'one'}] (list), expected list[dict[str, float]]"),
    "reliability": ({"after": [{}]}, "got {} (dict), expected an object with confidence (float), right (float)"),
    "documents": ({}, "got {} (dict), expected an object with train (int), dev (int)"),
    "machine": ({}, "got {} (dict), expected an object with processor (str)"),
    "published": ({"f1": "61"}, "got {'f1': '61'} (dict), expected an object with f1 (float), source (str)"),
    "by_entities": ([{}], "got {} (dict), expected an object with entities (str), documents (int), f1 (float)"),
    "sweep": ("../x", "got '../x' (str), expected lower-case letters, digits and hyphens"),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_field_of_the_wrong_type_is_named(field: str, make_row: MakeRow, tmp_path: Path) -> None:
    path, (value, problem_of_field) = tmp_path / "tiny.jsonl", WRONG[field]
    path.write_text(json.dumps({**make_row().to_json(), field: value}) + "\n")
    assert problem(path) == f"{path}: line 1: {field}: {problem_of_field}"


INCOMPLETE = {"tuned": {}, "by_entities": [{}], "history": [{}], "documents": {}}


@pytest.mark.parametrize("field", INCOMPLETE)
def test_an_object_without_what_reports_show_is_named(field: str, make_row: MakeRow, tmp_path: Path) -> None:
    path = tmp_path / "tiny.jsonl"
    path.write_text(json.dumps({**make_row().to_json(), field: INCOMPLETE[field]}) + "\n")
    assert problem(path).startswith(f"{path}: line 1: {field}: got {{}} (dict), expected an object with ")


def test_what_a_row_may_lack(make_row: MakeRow, tmp_path: Path) -> None:
    write_rows(tmp_path / "tiny.jsonl", [make_row(published={}, reliability={}, history=[], by_entities=[])])
    assert read_rows(tmp_path / "tiny.jsonl")


@pytest.mark.parametrize("path", RESULTS, ids=[path.stem for path in RESULTS])
def test_the_published_results_can_be_read(path: Path) -> None:
    assert {row.sweep for row in read_rows(path)} == {path.stem}


def test_a_row_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "tiny.jsonl"
    path.write_text('{"sweep": "tiny", "name": "full", "seed": 1, "tuned": {}}\n')
    found = problem(path)
    assert found.startswith(f"{path}: line 1: got a row of another version: Row.__init__() missing ")
    assert found.endswith("'curve', and 'reliability'; run the sweep again")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert problem(tmp_path / "no.jsonl") == f"{tmp_path / 'no.jsonl'}: cannot be read: No such file or directory"
    (tmp_path / "binary").write_bytes(b"\xff")
    assert problem(tmp_path / "binary").startswith(f"{tmp_path / 'binary'}: cannot be read: 'utf-8' codec")


def test_rows_are_written_whole_or_not_at_all(
    make_row: MakeRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tiny.jsonl"
    write_rows(path, [make_row()])
    before = path.read_bytes()

    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(AtlopError) as caught:
        write_rows(path, [make_row(), make_row(seed=2)])
    assert str(caught.value) == f"{path}: cannot be written: No space left on device"
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
