"""``sweep``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlop.cli import options
from atlop.cli.startup import loading

if TYPE_CHECKING:
    from transformers import TrainerCallback

    from atlop.experiments.plan import Run


def sweep(
    config: Annotated[Path, typer.Argument(help="YAML file with the base, the rows and the seeds of the sweep.")],
    output: Annotated[Path, typer.Option(help="Folder for the results and for unfinished runs.")],
    overrides: options.Overrides = None,
    row: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Train only this row; can be given several times.")
    ] = None,
    seed: Annotated[
        list[int] | None, typer.Option(metavar="SEED", help="Train only this seed; can be given several times.")
    ] = None,
    keep_models: Annotated[bool, typer.Option("--keep-models", help="Keep the models of finished runs.")] = False,
    device: options.Device = "auto",
) -> None:
    """Train a table of models over several seeds and keep the scores; continues where it was stopped."""
    from atlop.experiments.plan import read_plan
    from atlop.yaml_settings import parse_overrides

    options.choice("--device", device, options.DEVICES)
    plan = read_plan(config, parse_overrides(overrides or [])).only(row, seed)
    with loading():
        from atlop.cli.training import TrainingProgress, hide_bars, tell_teachers
        from atlop.experiments.sweep import run_sweep

    hide_bars()
    with ExitStack() as stack:

        def announce(run: Run, left: int) -> Sequence[TrainerCallback]:
            stack.close()  # the bar of the previous run
            typer.echo(f"atlop: {run.name}, seed {run.seed}; {left} of {len(plan.runs)} runs left", err=True)
            tell_teachers(run.config)
            progress = TrainingProgress()
            stack.callback(progress.close)
            return [progress]

        rows = run_sweep(plan, output, device=device, keep_models=keep_models, announce=announce)
    results = output / f"{plan.name}.jsonl"
    typer.echo(f"{len(rows)} rows in {results}; show them by: atlop report {results} --output report.md")
