from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState

from atlop.cli.training import TrainingProgress

ARGS: Any = SimpleNamespace(num_train_epochs=3)
DOCUMENTS = SimpleNamespace(dataset=range(10))


class Clock:
    """A clock that the tests set."""

    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("atlop.cli.training.time.perf_counter", lambda: clock.now)
    return clock


def send(progress: TrainingProgress, event: str, state: TrainerState, **others: Any) -> None:
    getattr(progress, f"on_{event}")(ARGS, state, TrainerControl(), train_dataloader=DOCUMENTS, **others)


def epochs(progress: TrainingProgress, clock: Clock, count: int, *, begin: float = 0.0) -> Iterator[TrainerState]:
    """Run epochs of two updates of five seconds each, after which scoring and saving take a minute."""
    state = TrainerState(epoch=begin, global_step=round(2 * begin), max_steps=6, is_world_process_zero=True)
    send(progress, "train_begin", state)
    while state.epoch is not None and state.epoch < count:
        send(progress, "epoch_begin", state)
        for _ in range(2):
            clock.now += 5
            state.epoch += 0.5
            state.global_step += 1
            send(progress, "step_end", state)
        clock.now += 60
        yield state


def test_documents_and_the_time_to_train_are_counted(clock: Clock) -> None:
    progress = TrainingProgress()
    for state in epochs(progress, clock, 3):
        assert (progress.documents, progress.seconds) == (10 * (state.epoch or 0), 10 * (state.epoch or 0))
    assert progress.speed == "1 documents per second"


def test_a_resumed_run_counts_its_own_documents(clock: Clock) -> None:
    progress = TrainingProgress()
    assert len(list(epochs(progress, clock, 3, begin=2.0))) == 1
    assert (progress.documents, progress.seconds) == (10, 10)


def test_saving_within_an_epoch_is_not_counted(clock: Clock) -> None:
    progress = TrainingProgress()
    for state in epochs(progress, clock, 1):
        clock.now += 60
        send(progress, "save", state)
        clock.now += 5
        state.epoch = 1.5
        send(progress, "step_end", state)
    assert (progress.documents, progress.seconds) == (15, 15)


LOGS = {
    "loss": ({"loss": 0.43219, "grad_norm": 2.0, "learning_rate": 1e-5, "epoch": 1.0}, "loss 0.4322"),
    "scores": ({"eval_f1": 0.6, "eval_precision": 0.71234, "epoch": 1.0}, "f1 0.6, precision 0.7123"),
}


@pytest.mark.parametrize(("logs", "line"), LOGS.values(), ids=LOGS)
def test_losses_and_scores_are_printed(
    clock: Clock, capsys: pytest.CaptureFixture[str], logs: dict[str, float], line: str
) -> None:
    progress = TrainingProgress()
    for state in epochs(progress, clock, 1):
        send(progress, "log", state, logs=logs)
    progress.close()
    assert capsys.readouterr() == ("", f"atlop: epoch 1 of 3: {line}, 1 documents per second\n")


def test_nothing_else_is_printed(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    progress = TrainingProgress()
    for state in epochs(progress, clock, 1):
        send(progress, "log", state, logs={"train_runtime": 5.0, "train_loss": 0.4, "epoch": 1.0})
        state.is_world_process_zero = False
        send(progress, "log", state, logs={"loss": 0.4})
    assert capsys.readouterr() == ("", "")
