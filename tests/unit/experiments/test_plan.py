"""What a sweep trains, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from atlop.errors import AtlopError, ConfigError
from atlop.experiments.plan import read_plan

SHIPPED = sorted((Path(__file__).parents[3] / "configs" / "sweeps").glob("*.yaml"))


def test_every_row_and_seed_is_a_run(sweep_file: Path) -> None:
    plan = read_plan(sweep_file, {"epochs": 5})
    assert (plan.name, plan.base.name, plan.common) == ("tiny", "base.yaml", {"batch_size": 2, "epochs": 5})
    assert [run.folder for run in plan.runs] == ["full-1", "full-2", "no-context-1"]
    assert [run.config.seed for run in plan.runs] == [1, 2, 1]
    assert {(run.config.batch_size, run.config.epochs) for run in plan.runs} == {(2, 5)}
    assert [run.config.model.context for run in plan.runs] == ["localized", "localized", "none"]
    assert plan.runs[0].published == {"f1": 61.1, "source": "a paper"}
    assert plan.runs[2].settings == {"model.context": "none"}


def test_some_rows_can_be_chosen(sweep_file: Path) -> None:
    plan = read_plan(sweep_file)
    assert [run.folder for run in plan.only(["no context"]).runs] == ["no-context-1"]
    assert plan.only(None) == plan.only([]) == plan
    with pytest.raises(AtlopError) as caught:
        plan.only(["full", "fully", "none"])
    assert str(caught.value) == "rows: got 'fully', 'none', expected some of 'full', 'no context'"


def test_some_seeds_can_be_chosen(sweep_file: Path) -> None:
    plan = read_plan(sweep_file)
    assert [run.folder for run in plan.only(seeds=[1]).runs] == ["full-1", "no-context-1"]
    assert [run.folder for run in plan.only(["full"], [2]).runs] == ["full-2"]
    with pytest.raises(AtlopError) as caught:
        plan.only(["no context"], [1, 2, 3])
    assert str(caught.value) == "seeds: got 2, 3, expected some of 1"


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_the_shipped_sweeps_are_sound(path: Path) -> None:
    plan = read_plan(path)
    assert plan.name == path.stem
    first = plan.runs[0]
    assert first.settings == {}
    assert all(run.settings for run in plan.runs if run.name != first.name)


def broken(sweep_file: Path, **changes: Any) -> tuple[str, ...]:
    stored = yaml.safe_load(sweep_file.read_text())
    sweep_file.write_text(yaml.safe_dump({**stored, **changes}))
    with pytest.raises(ConfigError) as caught:
        read_plan(sweep_file)
    assert caught.value.source == str(sweep_file)
    return caught.value.mistakes


def test_what_is_missing_is_named(sweep_file: Path) -> None:
    sweep_file.write_text("rows: [{}]")
    with pytest.raises(ConfigError) as caught:
        read_plan(sweep_file)
    assert caught.value.mistakes == (
        "name: missing, expected lower-case letters, digits and hyphens",
        "base: missing, expected the path of a training configuration",
        "seeds: missing, expected a list of integers, each once",
        "rows[0].name: missing, expected a name with a letter or a digit",
    )


def test_all_mistakes_of_a_sweep_are_told_at_once(sweep_file: Path) -> None:
    rows = [
        "full",
        {"name": "!", "setings": {}, "seeds": [1, 1], "published": {"f1": "61", "source": "x"}, "note": 3},
        {"name": "one", "settings": {"seed": 1}},
        {"name": "two", "settings": ["epochs"]},
    ]
    assert broken(sweep_file, name="A b", base="", seeds=[], settings=7, sed=1, rows=rows) == (
        "sed: no such key; did you mean seeds?",
        "name: got 'A b' (str), expected lower-case letters, digits and hyphens",
        "base: got '' (str), expected the path of a training configuration",
        "settings: got 7 (int), expected settings, one 'name: value' per line",
        "seeds: got [] (list), expected a list of integers, each once",
        "rows[0]: got 'full' (str), expected a row with a name",
        "rows[1].setings: no such key; did you mean settings?",
        "rows[1].name: got '!' (str), expected a name with a letter or a digit",
        "rows[1].published: got {'f1': '61', 'source': 'x'} (dict), expected f1, in points, and source",
        "rows[1].note: got 3 (int), expected a string",
        "rows[1].seeds: got [1, 1] (list), expected a list of integers, each once",
        "rows[2].settings.seed: got 1 (int), expected no seed among the settings; list it under seeds",
        "rows[3].settings: got ['epochs'] (list), expected settings, one 'name: value' per line",
    )


def test_mistakes_in_the_settings_of_rows_are_told_with_the_row(sweep_file: Path) -> None:
    rows = [
        {"name": "one", "settings": {"epochs": 0}, "seeds": [1, 2]},
        {"name": "two", "settings": {"model.contxt": "none"}},
        {"name": "three", "settings": {"dev": None}},
        {"name": "four", "seeds": ["x"]},
    ]
    assert broken(sweep_file, rows=rows) == (
        "rows[0]: epochs: got 0 (int), expected an integer from 1 to 2147483647",
        "rows[1]: model.contxt: no such setting; did you mean context?",
        "rows[2]: dev: got none, expected the documents on which the row is scored",
        "rows[3]: seed: got 'x' (str), expected an integer from 0 to 4294967295",
    )


def test_rows_whose_folders_would_be_one_are_refused(sweep_file: Path) -> None:
    rows = [{"name": "No context"}, {"name": "no-context"}]
    expected = "rows: got several runs 'no-context-1', expected names that differ in letters or digits"
    assert broken(sweep_file, rows=rows) == (expected,)


@pytest.mark.parametrize("rows", [None, {}, []])
def test_a_sweep_without_rows_is_refused(sweep_file: Path, rows: Any) -> None:
    (mistake,) = broken(sweep_file, rows=rows)
    assert mistake.startswith("rows: got ")
    assert mistake.endswith("expected a list of rows, each with a name")


def test_a_base_that_cannot_be_read_is_told(sweep_file: Path) -> None:
    mistakes = broken(sweep_file, base="missing.yaml")
    assert mistakes == (
        "rows[0]: cannot be read: No such file or directory",
        "rows[1]: cannot be read: No such file or directory",
    )
