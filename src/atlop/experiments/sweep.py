"""Trains and measures the runs of a sweep, one after another; a finished run is kept and never repeated."""

from __future__ import annotations

import dataclasses
import datetime
import json
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from atlop.backends.devices import choose_device
from atlop.backends.pytorch import TorchBackend
from atlop.checkpoint import load
from atlop.config import TrainingConfig
from atlop.errors import AtlopError, ConfigError, reason
from atlop.experiments.machine import machine
from atlop.experiments.measure import Measured
from atlop.experiments.plan import FILES, MODELS, Plan, Run
from atlop.experiments.row import Row, read_rows, write_rows
from atlop.extractor import RelationExtractor
from atlop.folder import read_json
from atlop.locking import locked_folder
from atlop.training import train
from atlop.training.corpora import read_corpora
from atlop.training.states import HISTORY, STATES, describe, write_json

RUNS, LOCK = "runs", ".sweep"


def run_sweep(
    plan: Plan,
    output: Path,
    *,
    device: str = "auto",
    keep_models: bool = False,
    announce: Callable[[Run, int], Sequence[TrainerCallback]] = lambda run, left: (),
) -> list[Row]:
    """Train and measure every run of a sweep that is not finished, and return the rows of all.

    Args:
        plan: the sweep.
        output: the folder of its results, ``NAME.jsonl``, and of unfinished runs, which continue where they stopped.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        keep_models: whether to keep the model folders of finished runs, in ``runs/``.
        announce: called before each run with it and the number of runs left; returns callbacks to show its progress.

    Raises:
        AtlopError: if another sweep uses the folder, or a run fails.
        ConfigError: listing finished rows whose settings differ from those of the plan.
    """
    with ExitStack() as stack:
        try:
            ours = stack.enter_context(locked_folder(output, LOCK))
        except OSError as error:
            raise AtlopError(f"{output}: cannot be written: {reason(error)}") from error
        if not ours:
            raise AtlopError(f"{output}: another sweep is running in this folder; wait for it, or choose another")
        return _run(plan, output, device, keep_models, announce)


def _run(plan: Plan, output: Path, device: str, keep_models: bool, announce: Callable[..., Any]) -> list[Row]:
    results = output / f"{plan.name}.jsonl"
    rows = finished(plan, results)
    open_runs = [run for run in plan.runs if run.key not in {row.key for row in rows}]
    for place, run in enumerate(open_runs):
        folder = output / RUNS / run.folder
        callbacks, watch = announce(run, len(open_runs) - place), Stopwatch(folder / STATES / "minutes.json")
        train(run.config, folder, resume=True, device=device, callbacks=[*callbacks, watch])
        rows = _in_order(plan, [*rows, make_row(plan, run, folder, device=device, minutes=watch.minutes)])
        write_rows(results, rows)
        shutil.rmtree(folder / STATES if keep_models else folder, ignore_errors=True)
    return rows


class Stopwatch(TrainerCallback):
    """Counts the minutes of a run over all its processes; what a killed one did after its last state is not counted.

    Args:
        file: where each state leaves the minutes so far.
    """

    def __init__(self, file: Path) -> None:
        self.file, self.started = file, time.monotonic()
        self.before = float(read_json(file)) if file.exists() else 0.0

    @property
    def minutes(self) -> float:
        """The minutes so far."""
        return self.before + (time.monotonic() - self.started) / 60

    def on_save(self, *_: Any, **__: Any) -> None:
        """Keep the minutes with the state that was saved."""
        write_json(self.file, self.minutes)


def finished(plan: Plan, results: Path) -> list[Row]:
    """Return the rows of a results file.

    Raises:
        ConfigError: listing the rows that were trained with other settings than the plan's, wherever these stand.
    """
    rows = read_rows(results) if results.exists() else []
    runs = {run.key: run for run in plan.listed}
    expected = "rename the row, or remove its lines from the file to train it again"
    mistakes = [
        f"{row.name!r}, seed {row.seed}: got {wanted}, but it was trained with {trained}; {expected}"
        for row in rows
        if row.key in runs
        for wanted, trained in [_differences(runs[row.key], row)]
        if wanted != trained
    ]
    if mistakes:
        raise ConfigError(mistakes, source=str(results))
    return rows


def _differences(run: Run, row: Row) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings in which a run and a finished row differ, as they are in each.

    Settings that the version of the row did not have, or this one has no longer, are left out.
    """
    config = settings_of(run.config)
    both = config.keys() & row.config.keys()
    wanted = {**_movable(run.settings), **{name: config[name] for name in both}}
    trained = {**_movable(row.settings), **{name: row.config[name] for name in both}}
    return _only_in(wanted, trained), _only_in(trained, wanted)


def _movable(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings with files and models by their names alone, wherever they are."""
    return {name: _base_name(value) if name in (*FILES, *MODELS) else value for name, value in settings.items()}


def _base_name(value: Any) -> Any:
    if isinstance(value, list):
        return [_base_name(part) for part in value]
    return Path(value).name if isinstance(value, str) else value


def _only_in(settings: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in others or others[name] != value}


def settings_of(config: TrainingConfig) -> dict[str, Any]:
    """Return all settings but the seed and those that name files and models, ``model.`` ones by their full name."""
    described = describe(config)
    described |= {f"model.{name}": value for name, value in described.pop("model").items()}
    return {name: value for name, value in described.items() if name not in ("seed", *FILES, *MODELS)}


def _in_order(plan: Plan, rows: list[Row]) -> list[Row]:
    """Sort rows as the file of the plan lists them; those that it no longer lists come last."""
    place = {run.key: number for number, run in enumerate(plan.listed)}
    return sorted(rows, key=lambda row: place.get(row.key, len(place)))


def make_row(plan: Plan, run: Run, folder: Path, *, device: str, minutes: float) -> Row:
    """Measure the model of a finished run."""
    scored = dataclasses.replace(run.config, train_unlabelled=(), teachers=())
    checkpoint, corpora = load(folder), read_corpora(scored)
    backend = TorchBackend(checkpoint, device=choose_device(device), precision="auto")
    return Row(
        sweep=plan.name,
        name=run.name,
        seed=run.seed,
        settings=run.settings,
        config=settings_of(run.config),
        command=command(plan, run),
        published=run.published,
        note=run.note,
        date=datetime.date.today().isoformat(),
        version=_version(),
        machine={**machine(backend.device), "precision": backend.precision},
        minutes=round(minutes, 1),
        parameters=sum(weight.numel() for weight in checkpoint.model.parameters()),
        documents={"train": len(corpora.train), "dev": len(corpora.dev)},
        history=_history(folder),
        **Measured.of(RelationExtractor(backend), corpora).to_json(),
    )


def command(plan: Plan, run: Run) -> str:
    """Return the command that trains the same model; of a path, only the name of the file is shown."""
    changes = {**plan.common, **run.settings, "seed": run.seed}
    shown = [word for name, value in changes.items() for word in ("--set", f"{name}={_shown(name, value)}")]
    return shlex.join(["atlop", "train", plan.base.name, "--output", f"runs/{run.folder}", *shown])


def _shown(setting: str, value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(_shown(setting, part) for part in value)}]"
    if not isinstance(value, str):
        return json.dumps(value)
    is_path = setting in FILES or (setting in MODELS and Path(value).is_absolute())
    return Path(value).name if is_path else value


def _version() -> str:
    """Return the version of atlop, with the commit in a checkout."""
    file = Path(__file__)
    # Installed into another project, this file is in its folder but is none of its files.
    tracked = _git(file.parent, "ls-files", file.name)
    commit = tracked and _git(file.parent, "describe", "--always", "--dirty", "--exclude=*")
    return f"{version('atlop')} ({commit})" if commit else version("atlop")


def _git(folder: Path, *arguments: str) -> str:
    """Return what git prints in a folder, nothing if it fails."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _history(folder: Path) -> list[dict[str, float]]:
    """Return the scores of each epoch, with the last loss before them if there is any."""
    rows, loss = [], dict[str, float]()
    for entry in read_json(folder / HISTORY):
        loss = {"loss": entry["loss"]} if "loss" in entry else loss
        scores = {name.removeprefix("eval_"): value for name, value in entry.items() if name.startswith("eval_")}
        if scores:
            rows.append({"epoch": entry["epoch"], **loss, **scores})
    return rows
