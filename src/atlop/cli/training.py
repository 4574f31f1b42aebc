"""Progress of a training run."""

from __future__ import annotations

import sys
import time
from typing import Any

import typer
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.utils.logging import disable_progress_bar

from atlop.cli.progress import progress_bar, rate
from atlop.config import TrainingConfig


def hide_bars() -> None:
    """Hide the bars of transformers where standard error is not a terminal, so that logs contain only lines."""
    if not sys.stderr.isatty():
        disable_progress_bar()


def tell_teachers(config: TrainingConfig) -> None:
    """Print that teachers, if there are any, label documents before training starts, which may take a while."""
    if config.teachers:
        models = "1 model labels" if len(config.teachers) == 1 else f"{len(config.teachers)} models label"
        typer.echo(f"atlop: {models} the documents of train_unlabelled", err=True)


class TrainingProgress(TrainerCallback):
    """Print every loss and score of a run with the documents per second so far, and show a bar in a terminal.

    Everything goes to standard error, and only from the first of several processes. Scoring and saving do not count
    towards the speed.
    """

    def __init__(self) -> None:
        self.documents, self.seconds = 0.0, 0.0
        self._bar = progress_bar()
        self._task = self._bar.add_task("")
        self._size, self._epoch, self._since = 0, 0.0, 0.0

    def close(self) -> None:
        """Remove the bar, whatever ended the run."""
        self._bar.stop()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Start with the size of an epoch and, in a resumed run, with the steps already done."""
        self._size, self._epoch = len(others["train_dataloader"].dataset), state.epoch or 0.0
        self._bar.update(self._task, total=state.max_steps, completed=state.global_step)
        if state.is_world_process_zero:
            self._bar.start()

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Start the clock."""
        self._since = time.perf_counter()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Count the documents and the time since the clock was started."""
        epoch, now = state.epoch or 0.0, time.perf_counter()
        self.documents += (epoch - self._epoch) * self._size
        self.seconds += now - self._since
        self._epoch, self._since = epoch, now
        shown = f"epoch {epoch:.2f} of {args.num_train_epochs:g}, {self.speed}"
        self._bar.update(self._task, completed=state.global_step, description=shown)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Restart the clock."""
        self._since = time.perf_counter()

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Print a loss or scores."""
        logged: dict[str, float] = others["logs"]
        names = [name for name in logged if name == "loss" or name.startswith("eval_")]
        if names and state.is_world_process_zero:
            values = [f"{name.removeprefix('eval_')} {logged[name]:.4g}" for name in names]
            epoch = f"epoch {state.epoch:.3g} of {args.num_train_epochs:g}"
            typer.echo(f"atlop: {epoch}: {', '.join([*values, self.speed])}", err=True)

    @property
    def speed(self) -> str:
        """Documents per second so far."""
        return f"{rate(self.documents, self.seconds)} documents per second"
