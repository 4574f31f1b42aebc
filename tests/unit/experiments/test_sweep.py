"""Sweeps of tiny models: what is trained, measured, kept and not repeated."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from atlop.backends.devices import choose_precision
from atlop.errors import AtlopError, ConfigError
from atlop.experiments import sweep as module
from atlop.experiments.plan import read_plan
from atlop.experiments.row import Row, read_rows, write_rows
from atlop.experiments.sweep import LOCK, command, run_sweep
from atlop.locking import locked

pytestmark = pytest.mark.usefixtures("one_thread")


def sweep(sweep_file: Path, output: Path, **options: Any) -> list[Row]:
    return run_sweep(read_plan(sweep_file), output, device="cpu", **options)


@pytest.fixture
def rows(sweep_file: Path, tmp_path: Path) -> list[Row]:
    """Those of a whole sweep into ``out``."""
    return sweep(sweep_file, tmp_path / "out")


def test_a_sweep_keeps_a_row_for_every_run(sweep_file: Path, tmp_path: Path) -> None:
    seen = []
    rows = sweep(sweep_file, tmp_path / "out", announce=lambda run, left: seen.append((run.folder, left)) or ())
    assert seen == [("full-1", 3), ("full-2", 2), ("no-context-1", 1)]
    assert [row.key for row in rows] == [("full", 1), ("full", 2), ("no context", 1)]
    stored = [Row.from_json(json.loads(json.dumps(row.to_json()))) for row in rows]
    assert read_rows(tmp_path / "out" / "tiny.jsonl") == stored
    assert not list((tmp_path / "out" / "runs").iterdir())


def test_a_row_says_what_was_trained(rows: list[Row]) -> None:
    first, _, last = rows
    assert first.published == {"f1": 61.1, "source": "a paper"}
    assert (last.settings, last.note, last.seed) == ({"model.context": "none"}, "as an ablation", 1)
    expected = (
        "atlop train base.yaml --output runs/no-context-1 --set batch_size=2 --set model.context=none --set seed=1"
    )
    assert last.command == expected
    assert first.documents == {"train": 8, "dev": 12}
    assert first.machine["precision"] == choose_precision("auto", torch.device("cpu"), training=True)
    assert last.parameters < first.parameters
    assert [entry["epoch"] for entry in first.history] == [1, 2]
    assert {"epoch", "f1", "tuned_f1"} <= first.history[0].keys()


def test_a_row_holds_all_scores(rows: list[Row]) -> None:
    row = rows[0]
    assert row.untuned.keys() == {"f1", "precision", "recall"}
    assert {"f1", "precision", "recall", "calibration_error", "uncalibrated_error"} == row.tuned.keys()
    assert row.per_relation.keys() == row.tuned.keys()
    assert max(entry["tuned_f1"] for entry in row.history) == pytest.approx(row.tuned["f1"])
    assert row.breakdown["f1"] == pytest.approx(row.tuned["f1"])
    assert {"ign_f1", "intra_f1", "inter_f1", "frequent_f1", "long_tail_f1", "evidence_f1"} <= row.breakdown.keys()
    assert 0 <= row.breakdown["evidence_f1"] <= row.breakdown["annotated_evidence_f1"]
    assert row.by_entities == [{"entities": "1-10", "documents": 12, "f1": row.breakdown["f1"]}]
    recalls = [recall for recall, _ in row.curve]
    assert recalls == sorted(recalls)
    assert all(0 <= value <= 1 for point in row.curve for value in point)
    assert row.reliability.keys() == {"before", "after"}
    assert row.by_identifier == {}


def test_finished_runs_are_not_repeated(
    sweep_file: Path, rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "train", lambda *_, **__: pytest.fail("a finished run was trained again"))
    kept = [Row.from_json(json.loads(json.dumps(row.to_json()))) for row in rows]
    assert sweep(sweep_file, tmp_path / "out") == kept


def test_a_row_that_is_trained_alone_takes_its_place(sweep_file: Path, tmp_path: Path) -> None:
    plan = read_plan(sweep_file)
    run_sweep(plan.only(["full"], [1]), tmp_path / "out", device="cpu")
    rows = run_sweep(plan.only(["no context"]), tmp_path / "out", device="cpu")
    assert [row.key for row in rows] == [("full", 1), ("no context", 1)]


@pytest.mark.usefixtures("rows")
def test_rows_of_other_settings_are_told(sweep_file: Path, tmp_path: Path) -> None:
    changed = sweep_file.read_text().replace("model.context: none", "model.context: localized")
    sweep_file.write_text(changed)
    with pytest.raises(ConfigError) as caught:
        sweep(sweep_file, tmp_path / "out")
    assert caught.value.mistakes == (
        "'no context', seed 1: got {'model.context': 'localized'}, but it was trained with {'model.context': 'none'}; "
        "rename the row, or remove its lines from the file to train it again",
    )


@pytest.mark.usefixtures("rows")
def test_rows_of_another_base_are_told(sweep_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        run_sweep(read_plan(sweep_file, {"epochs": 1}), tmp_path / "out", device="cpu")
    assert caught.value.mistakes == tuple(
        f"{name!r}, seed {seed}: got {{'epochs': 1}}, but it was trained with {{'epochs': 2}}; "
        "rename the row, or remove its lines from the file to train it again"
        for name, seed in (("full", 1), ("full", 2), ("no context", 1))
    )


@pytest.mark.usefixtures("rows")
def test_rows_are_the_same_wherever_their_files_are(sweep_file: Path, tmp_path: Path) -> None:
    (tmp_path / "dev.jsonl").rename(tmp_path / "moved.jsonl")
    plan = read_plan(sweep_file, {"dev": str(tmp_path / "moved.jsonl")})
    assert module.finished(plan, tmp_path / "out" / "tiny.jsonl") == read_rows(tmp_path / "out" / "tiny.jsonl")


@pytest.mark.usefixtures("rows")
def test_rows_of_other_settings_are_told_where_another_row_is_chosen(sweep_file: Path, tmp_path: Path) -> None:
    plan = read_plan(sweep_file, {"epochs": 1}).only(["full"], [2])
    with pytest.raises(ConfigError) as caught:
        module.finished(plan, tmp_path / "out" / "tiny.jsonl")
    assert [mistake.split(":")[0] for mistake in caught.value.mistakes] == [
        "'full', seed 1",
        "'full', seed 2",
        "'no context', seed 1",
    ]


@pytest.mark.parametrize(
    ("teachers", "problem"),
    [(["new/first", "second"], None), (["old/first"], "got {'teachers': ['first']}, but it was trained with ")],
)
def test_the_files_of_a_row_may_be_elsewhere(
    sweep_file: Path, make_row: Callable[..., Row], tmp_path: Path, teachers: list[str], problem: str | None
) -> None:
    plan, results = read_plan(sweep_file), tmp_path / "tiny.jsonl"
    write_rows(results, [make_row(settings={"teachers": ["old/first", "old/second"]})])
    moved = dataclasses.replace(plan.runs[0], settings={"teachers": teachers})
    with pytest.raises(ConfigError, match=re.escape(problem)) if problem else nullcontext():
        module.finished(dataclasses.replace(plan, listed=(moved,)), results)


def test_rows_of_earlier_versions_are_compared_by_their_own_settings(
    sweep_file: Path, rows: list[Row], tmp_path: Path
) -> None:
    results, plan = tmp_path / "early.jsonl", read_plan(sweep_file, {"epochs": 1})
    write_rows(results, rows)
    early = [json.loads(line) for line in results.read_text().splitlines()]
    results.write_text("".join(json.dumps({**row, "config": {}}) + "\n" for row in early))
    assert [row.config for row in module.finished(plan, results)] == [{}, {}, {}]


class Killed(TrainerCallback):
    """Ends a run in its second epoch."""

    def on_epoch_begin(self, arguments: Any, state: Any, control: Any, **_: Any) -> None:
        if state.epoch >= 1:
            raise KeyboardInterrupt


def test_the_minutes_of_a_resumed_run_are_those_of_all_its_processes(sweep_file: Path, tmp_path: Path) -> None:
    plan = read_plan(sweep_file).only(["no context"])
    with pytest.raises(KeyboardInterrupt):
        run_sweep(plan, tmp_path / "out", device="cpu", announce=lambda *_: [Killed()])
    minutes = tmp_path / "out" / "runs" / "no-context-1" / "states" / "minutes.json"
    assert 0 < float(minutes.read_text()) < 10
    minutes.write_text("60")
    (row,) = run_sweep(plan, tmp_path / "out", device="cpu")
    assert 60 <= row.minutes < 70


def test_a_row_is_measured_without_the_unlabelled_documents(
    sweep_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, asked = module.read_corpora, []
    monkeypatch.setattr(module, "read_corpora", lambda config: asked.append(config) or read(config))
    plan = read_plan(sweep_file, {"train_unlabelled": [str(tmp_path / "dev.jsonl")], "epochs": 1})
    run_sweep(plan.only(["no context"]), tmp_path / "out", device="cpu")
    assert [config.train_unlabelled for config in asked] == [()]


def test_an_epoch_before_the_first_loss_has_none(tmp_path: Path) -> None:
    entries = [{"epoch": 1, "eval_f1": 0.4}, {"epoch": 1.5, "loss": 0.3}, {"epoch": 2, "eval_f1": 0.5}]
    (tmp_path / "history.json").write_text(json.dumps(entries))
    assert module._history(tmp_path) == [{"epoch": 1, "f1": 0.4}, {"epoch": 2, "loss": 0.3, "f1": 0.5}]


def test_the_commit_is_that_of_a_checkout_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    (tmp_path / "sweep.py").write_text("")
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "another project"]):
        subprocess.run([*git, *arguments], check=True)
    monkeypatch.setattr(module, "__file__", str(tmp_path / "sweep.py"))
    assert module._version() == module.version("atlop")
    subprocess.run([*git, "add", "sweep.py"], check=True)
    assert module._version().startswith(f"{module.version('atlop')} (")


def test_models_can_be_kept(sweep_file: Path, tmp_path: Path) -> None:
    plan = read_plan(sweep_file).only(["no context"])
    run_sweep(plan, tmp_path / "out", device="cpu", keep_models=True)
    folder = tmp_path / "out" / "runs" / "no-context-1"
    assert (folder / "model.safetensors").exists()
    assert not (folder / "states").exists()


def test_one_sweep_runs_in_a_folder_at_a_time(sweep_file: Path, tmp_path: Path) -> None:
    with locked(tmp_path / LOCK), pytest.raises(AtlopError) as caught:
        sweep(sweep_file, tmp_path)
    expected = "another sweep is running in this folder; wait for it, or choose another"
    assert str(caught.value) == f"{tmp_path}: {expected}"


def test_a_folder_that_cannot_be_made_is_told(sweep_file: Path) -> None:
    with pytest.raises(AtlopError) as caught:
        sweep(sweep_file, sweep_file / "out")
    assert str(caught.value) == f"{sweep_file}/out: cannot be written: Not a directory"


def test_commands_show_no_folder(sweep_file: Path) -> None:
    settings = {"train": "/home/ada/train.jsonl", "dev_pubtator": None, "model.heads": ["evidence"]}
    plan = read_plan(sweep_file, settings)
    assert command(plan, plan.runs[0]) == (
        "atlop train base.yaml --output runs/full-1 --set batch_size=2 --set train=train.jsonl --set dev_pubtator=null "
        "--set 'model.heads=[evidence]' --set seed=1"
    )


def test_names_on_the_hub_are_shown_whole(sweep_file: Path) -> None:
    names = {"encoder": "allenai/scibert_scivocab_cased", "init": "/home/ada/runs/my model"}
    plan = read_plan(sweep_file, names)
    assert command(plan, plan.runs[0]) == (
        "atlop train base.yaml --output runs/full-1 --set batch_size=2 --set encoder=allenai/scibert_scivocab_cased "
        "--set 'init=my model' --set seed=1"
    )


def test_a_sweep_that_cannot_start_leaves_nothing(sweep_file: Path, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").unlink()
    with pytest.raises(AtlopError, match=r"train\.jsonl: cannot be read: No such file or directory"):
        sweep(sweep_file, tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()
