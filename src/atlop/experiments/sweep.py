"""Trains and measures the runs of a sweep, one after another; a finished run is kept and never repeated."""

from __future__ import annotations

import datetime
import json
import os
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
from atlop.errors import AtlopError, ConfigError, reason
from atlop.experiments.machine import machine
from atlop.experiments.measure import Measured
from atlop.experiments.plan import Plan, Run
from atlop.experiments.row import Row, read_rows, write_rows
from atlop.extractor import RelationExtractor
from atlop.folder import read_json
from atlop.locking import locked_folder
from atlop.training import train
from atlop.training.corpora import read_corpora
from atlop.training.states import HISTORY

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
    open_runs = [run for run in plan.runs if (run.name, run.seed) not in {row.key for row in rows}]
    for place, run in enumerate(open_runs):
        folder = output / RUNS / run.folder
        callbacks, started = announce(run, len(open_runs) - place), time.monotonic()
        train(run.config, folder, resume=True, device=device, callbacks=callbacks)
        minutes = (time.monotonic() - started) / 60
        rows = _in_order(plan, [*rows, make_row(plan, run, folder, device=device, minutes=minutes)])
        write_rows(results, rows)
        shutil.rmtree(folder / "states" if keep_models else folder, ignore_errors=True)
    return rows


def finished(plan: Plan, results: Path) -> list[Row]:
    """Return the rows of a results file.

    Raises:
        ConfigError: listing the rows that were trained with other settings than the plan's.
    """
    rows = read_rows(results) if results.exists() else []
    wanted = {(run.name, run.seed): run.settings for run in plan.runs}
    expected = "rename the row, or remove its lines from the file to train it again"
    mistakes = [
        f"{row.name!r}, seed {row.seed}: got {wanted[row.key]}, but it was trained with {row.settings}; {expected}"
        for row in rows
        if row.key in wanted and wanted[row.key] != row.settings
    ]
    if mistakes:
        raise ConfigError(mistakes, source=str(results))
    return rows


def _in_order(plan: Plan, rows: list[Row]) -> list[Row]:
    """Sort rows as the plan lists them; those that it no longer lists come last."""
    place = {(run.name, run.seed): number for number, run in enumerate(plan.runs)}
    return sorted(rows, key=lambda row: place.get(row.key, len(place)))


def make_row(plan: Plan, run: Run, folder: Path, *, device: str, minutes: float) -> Row:
    """Measure the model of a finished run."""
    checkpoint, corpora = load(folder), read_corpora(run.config)
    backend = TorchBackend(checkpoint, device=choose_device(device), precision="auto")
    return Row(
        sweep=plan.name,
        name=run.name,
        seed=run.seed,
        settings=run.settings,
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
    shown = [f"--set {name}={_shown(value)}" for name, value in changes.items()]
    return " ".join(["atlop train", plan.base.name, f"--output runs/{run.folder}", *shown])


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return Path(value).name if os.sep in value else value
    return f"[{','.join(map(_shown, value))}]" if isinstance(value, list) else json.dumps(value)


def _version() -> str:
    """Return the version of atlop, with the commit in a checkout."""
    folder = Path(__file__).parent
    describe = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        found = subprocess.run(describe, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return version("atlop")
    return f"{version('atlop')} ({found})"


def _history(folder: Path) -> list[dict[str, float]]:
    """Return the scores of each epoch with the last loss before them."""
    rows, loss = [], 0.0
    for entry in read_json(folder / HISTORY):
        loss = entry.get("loss", loss)
        scores = {name.removeprefix("eval_"): value for name, value in entry.items() if name.startswith("eval_")}
        if scores:
            rows.append({"epoch": entry["epoch"], "loss": loss, **scores})
    return rows
