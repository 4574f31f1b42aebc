"""``atlop check``: its table, its JSON, and when it fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from atlop.cli import app
from atlop.documents import Document, Entity, Mention, Relation
from atlop.formats import write

ENTITIES = tuple(Entity((Mention(0, place, place + 1, "PER", name),)) for place, name in enumerate(("Ada", "[b]Bo")))
FACTS = (Relation(0, 1, "knows"), Relation(1, 0, "knows"))
FINE = Document("A", (("Ada", "[b]Bo"),), ENTITIES, FACTS)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write([FINE], tmp_path / "fine.jsonl")
    write([FINE.with_relations((*FACTS, Relation(1, 1, "knows")))], tmp_path / "odd.jsonl")
    return tmp_path


def check(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", *arguments])


def lines(result: Result) -> list[str]:
    assert result.stderr == ""
    return [" ".join(line.split()) for line in result.stdout.splitlines() if line.strip()]


def test_a_file_without_oddities() -> None:
    result = check("fine.jsonl", "--strict")
    assert result.exit_code == 0
    assert lines(result) == [
        "holds 1 document, 1 sentence, 2 words, 2 entities, 2 mentions, 2 relations",
        "entity types PER 2",
        "relations knows 2",
        "nothing is odd",
    ]


def test_one_of_each_is_named_so(folder: Path) -> None:
    write([Document("A", (("Ada",),), (Entity((Mention(0, 0, 1, "PER", "Ada"),)),))], folder / "one.jsonl")
    expected = "holds 1 document, 1 sentence, 1 word, 1 entity, 1 mention, 0 relations"
    assert lines(check("one.jsonl"))[0] == expected


def test_oddities_are_shown_as_they_are_written() -> None:
    result = check("odd.jsonl")
    assert result.exit_code == 0
    (row,) = (line for line in lines(result) if line.startswith("relations of"))
    assert row == "relations of an entity with itself 1 'A': relations[2]: knows of '[b]Bo'"


def test_only_the_most_frequent_names_are_listed(folder: Path) -> None:
    facts = [Relation(0, 1, f"r{number:02}") for number in range(12)]
    write([FINE.with_relations((*facts, Relation(1, 0, "r11")))], folder / "many.jsonl")
    expected = "relations r11 2, r00 1, r01 1, r02 1, r03 1, r04 1, r05 1, r06 1, r07 1, r08 1, 2 more"
    assert expected in lines(check("many.jsonl"))


def test_the_report_as_json_with_dev_documents() -> None:
    stored = json.loads(check("odd.jsonl", "--dev", "fine.jsonl", "--json").stdout)
    assert stored["documents"] == 1
    assert stored["labels"] == {"knows": 3}
    assert {found["what"]: found["examples"] for found in stored["findings"]} == {
        "relations of an entity with itself": ["'A': relations[2]: knows of '[b]Bo'"],
        "dev documents with a training title": ["'A'"],
        "dev documents with a training text": ["'A' is 'A'"],
    }


@pytest.mark.parametrize("shape", [[], ["--json"]])
def test_oddities_fail_only_if_they_may_not_be(shape: list[str]) -> None:
    assert (check("odd.jsonl", *shape).exit_code, check("odd.jsonl", "--strict", *shape).exit_code) == (0, 1)


def test_malformed_documents_are_counted_and_the_others_checked(folder: Path) -> None:
    (folder / "broken.jsonl").write_text('{"title": "B"}\n' + (folder / "odd.jsonl").read_text())
    stored = json.loads(check("broken.jsonl", "--json").stdout)
    found = {finding["what"]: finding["examples"] for finding in stored["findings"]}
    problem = "sentences: got no such key, expected one; the keys here are 'title'"
    assert found["malformed documents"] == [f"broken.jsonl: document 'B': {problem}"]
    assert "relations of an entity with itself" in found


def test_files_that_cannot_be_read_fail() -> None:
    result = check("none.jsonl")
    assert (result.exit_code, result.stderr) == (1, "atlop: none.jsonl: cannot be read: No such file or directory\n")
    result = check("fine.jsonl", "--from", "csv")
    expected = "atlop: --from: got 'csv', expected one of docred, jsonl, pubtator, data, labelstudio, doccano, brat\n"
    assert (result.exit_code, result.stderr) == (1, expected)
