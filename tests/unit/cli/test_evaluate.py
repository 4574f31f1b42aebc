"""``atlop evaluate --end-to-end``: what it prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from atlop.cli import app
from atlop.documents import Document, Entity, Mention, Relation
from atlop.formats import write

WORDS = (("Ada", "saw", "Bo", "."),)
ADA, BO, SAW = (Mention(0, place, place + 1, "PER", WORDS[0][place]) for place in (0, 2, 1))
GOLD = Document("A", WORDS, (Entity((ADA,)), Entity((BO,))), (Relation(0, 1, "knows"), Relation(1, 0, "knows")))
PREDICTED = Document("A", WORDS, (Entity((BO,)), Entity((SAW,)), Entity((ADA,))), (Relation(2, 0, "knows"),))
ALONE = "together with --end-to-end, expected one of the two options"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write([GOLD], tmp_path / "gold.json")
    write([PREDICTED], tmp_path / "predictions.jsonl")
    write([PREDICTED], tmp_path / "result.zip")
    return tmp_path


def evaluate(*arguments: str, predictions: str = "predictions.jsonl") -> Result:
    required = ["evaluate", "--end-to-end", "--gold", "gold.json", "--predictions", predictions]
    return CliRunner().invoke(app, [*required, *arguments])


def test_the_scores_of_predicted_entities_are_printed_as_json() -> None:
    result = evaluate("--json")
    assert (result.exit_code, result.stderr) == (0, "")
    stored = json.loads(result.stdout)
    assert [name for name in stored if "f1" in name] == list(stored)[:6]
    assert (stored["mention_precision"], stored["mention_recall"]) == (pytest.approx(2 / 3), 1.0)
    assert (stored["relation_precision_strict"], stored["relation_recall_strict"]) == (1.0, 0.5)
    assert stored["relation_f1_soft"] == stored["relation_f1"] == pytest.approx(2 / 3)


def test_the_table_has_a_row_for_each_level() -> None:
    rows = [line.rsplit(maxsplit=6) for line in evaluate().stdout.splitlines() if line.strip()]
    entities = ["0.6667", "1.0000", "0.8000", "2", "1", "0"]
    facts = ["1.0000", "0.5000", "0.6667", "1", "0", "1"]
    assert [row[0].strip() for row in rows[2:]] == [
        "mentions",
        "coreference",
        "entities",
        "relations, strict",
        "relations",
        "relations, soft",
    ]
    assert [row[1:] for row in rows[2:]] == [entities] * 3 + [facts] * 3


def test_titles_without_gold_and_gold_without_relations_are_told(folder: Path) -> None:
    write([Document("B", WORDS)], folder / "gold.json")
    assert evaluate().stderr.splitlines() == [
        "atlop: warning: no gold document has the predicted title 'A'",
        "atlop: warning: gold.json has no relation to find",
    ]


@pytest.mark.parametrize("option", ["--train-facts", "--identifiers"])
def test_options_that_need_the_entities_of_gold_are_refused(option: str) -> None:
    result = evaluate(option, "gold.json")
    assert (result.exit_code, result.stderr) == (1, f"atlop: {option}: got 'gold.json' {ALONE}\n")


def test_facts_without_entities_are_refused() -> None:
    result = evaluate(predictions="result.zip")
    problem = "got facts in leaderboard format, expected documents, as --end-to-end compares their entities"
    assert (result.exit_code, result.stderr) == (1, f"atlop: result.zip: {problem}\n")
