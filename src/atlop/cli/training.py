"""How a training run goes."""

from __future__ import annotations

import time
from typing import Any

import typer
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from atlop.cli.progress import progress_bar, rate


class TrainingProgress(TrainerCallback):
    """Tells every loss and score of a run with the documents a second so far, and shows a bar in a terminal.

    All of it goes to the standard error, and only from the first of several processes. The time to score and to save
    is not counted.
    """

    def __init__(self) -> None:
        self.documents, self.seconds = 0.0, 0.0
        self._bar = progress_bar()
        self._task = self._bar.add_task("")
        self._size, self._epoch, self._since = 0, 0.0, 0.0

    def close(self) -> None:
        """Take the bar away, whatever ended the run."""
        self._bar.stop()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Begin with the documents of an epoch and, in a run that goes on, with what was done before."""
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
        """Count what was done since the clock was started."""
        epoch, now = state.epoch or 0.0, time.perf_counter()
        self.documents += (epoch - self._epoch) * self._size
        self.seconds += now - self._since
        self._epoch, self._since = epoch, now
        told = f"epoch {epoch:.2f} of {args.num_train_epochs:g}, {self.speed}"
        self._bar.update(self._task, completed=state.global_step, description=told)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Start the clock anew."""
        self._since = time.perf_counter()

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Tell a loss or scores."""
        logged: dict[str, float] = others["logs"]
        names = [name for name in logged if name == "loss" or name.startswith("eval_")]
        if names and state.is_world_process_zero:
            values = [f"{name.removeprefix('eval_')} {logged[name]:.4g}" for name in names]
            epoch = f"epoch {state.epoch:.3g} of {args.num_train_epochs:g}"
            typer.echo(f"atlop: {epoch}: {', '.join([*values, self.speed])}", err=True)

    @property
    def speed(self) -> str:
        """The documents a second so far."""
        return f"{rate(self.documents, self.seconds)} documents a second"
