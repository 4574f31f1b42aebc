from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback, TrainerState

from atlop.backends.pytorch import TorchBackend
from atlop.checkpoint import Checkpoint, load, save
from atlop.config import ModelConfig, TrainingConfig
from atlop.documents import Document
from atlop.errors import AtlopError, CheckpointError, ConfigError, LabelError
from atlop.extractor import RelationExtractor
from atlop.labels import LabelMap
from atlop.training import run as module
from atlop.training import train
from atlop.training.run import start_from
from atlop.training.trainer import RelationTrainer
from atlop.type_constraints import TypeConstraints

pytestmark = pytest.mark.usefixtures("one_thread")

Configure = Callable[..., TrainingConfig]

PEOPLE = TypeConstraints({"PER": frozenset({"PER"})})
"""What the relations of a corpus of people connect."""


def same_weights(one: Path, other: Path) -> bool:
    first, second = (load(folder).model.state_dict() for folder in (one, other))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_leaves_a_model_folder_with_its_settings_and_history(
    configure: Configure, corpus_file: Path, corpus: list[Document], tmp_path: Path
) -> None:
    scores = train(configure(dev=corpus_file, epochs=2), tmp_path / "out", device="cpu")
    folder = tmp_path / "out"
    assert {"atlop.json", "encoder", "history.json", "labels.json", "model.safetensors", "states", "training.json"} == {
        path.name for path in folder.iterdir()
    }
    history = json.loads((folder / "history.json").read_text())
    assert [row["epoch"] for row in history if "eval_f1" in row] == [1.0, 2.0]
    assert scores["eval_f1"] == max(row["eval_f1"] for row in history if "eval_f1" in row)
    assert json.loads((folder / "training.json").read_text())["epochs"] == 2
    assert load(folder).labels == LabelMap(("P1", "P2"), type_constraints=PEOPLE)
    assert len(list(RelationExtractor(TorchBackend(load(folder))).predict(corpus))) == 4


def test_without_dev_documents_the_last_epoch_is_kept(configure: Configure, tmp_path: Path) -> None:
    assert train(configure(), tmp_path / "out", device="cpu") == {}
    assert load(tmp_path / "out").config == configure().model


class Steps(TrainerCallback):
    """Notes the updates that it is told of."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **others: Any) -> None:
        self.seen.append(state.global_step)


def test_tells_its_callbacks_of_every_step_and_shows_nothing_itself(
    configure: Configure, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    steps = Steps()
    train(configure(batch_size=2, epochs=2), tmp_path / "out", device="cpu", callbacks=[steps])
    # Three documents have pairs, so an epoch is two updates.
    assert steps.seen == [1, 2, 3, 4]
    assert capfd.readouterr().out == ""


def test_the_same_seed_gives_the_same_weights(configure: Configure, tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        train(configure(seed=seed), tmp_path / name, device="cpu")
    assert same_weights(tmp_path / "one", tmp_path / "again")
    assert not same_weights(tmp_path / "one", tmp_path / "other")


@pytest.fixture
def killed_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """Break off training after so many steps."""
    step = RelationTrainer.training_step

    def arrange(steps: int | None) -> None:
        taken: list[int] = []

        def training_step(self: RelationTrainer, *arguments: Any, **others: Any) -> Any:
            if len(taken) == steps:
                raise KeyboardInterrupt
            taken.append(1)
            return step(self, *arguments, **others)

        monkeypatch.setattr(RelationTrainer, "training_step", training_step)

    return arrange


@pytest.mark.parametrize("steps", [2, 3, 5])
def test_a_run_that_broke_off_goes_on_to_the_same_weights(
    configure: Configure, corpus_file: Path, tmp_path: Path, killed_after: Callable[[int | None], None], steps: int
) -> None:
    config = configure(dev=corpus_file, epochs=2, save_every=2)
    expected = train(config, tmp_path / "whole", device="cpu")
    killed_after(steps)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "out", device="cpu")
    killed_after(None)
    found = train(config, tmp_path / "out", resume=True, device="cpu")
    assert same_weights(tmp_path / "out", tmp_path / "whole")
    assert found["eval_f1"] == expected["eval_f1"]


def test_a_run_that_broke_off_before_its_first_state_starts_again(
    configure: Configure, tmp_path: Path, killed_after: Callable[[int | None], None]
) -> None:
    train(configure(), tmp_path / "whole", device="cpu")
    killed_after(1)
    with pytest.raises(KeyboardInterrupt):
        train(configure(), tmp_path / "out", device="cpu")
    assert not (tmp_path / "out" / "atlop.json").exists()
    killed_after(None)
    train(configure(), tmp_path / "out", resume=True, device="cpu")
    assert same_weights(tmp_path / "out", tmp_path / "whole")


def test_a_half_written_state_is_cleared_and_the_one_before_serves(configure: Configure, tmp_path: Path) -> None:
    config = configure(epochs=2, save_every=2)
    train(config, tmp_path / "out", device="cpu")
    expected, states = load(tmp_path / "out").model.state_dict(), tmp_path / "out" / "states"
    assert sorted(path.name for path in states.iterdir()) == ["checkpoint-4", "checkpoint-6"]
    (states / "checkpoint-6" / "trainer_state.json").unlink()
    (tmp_path / "out" / "model.safetensors").unlink()
    train(config, tmp_path / "out", resume=True, device="cpu")
    assert (states / "checkpoint-6" / "trainer_state.json").exists()
    found = load(tmp_path / "out").model.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_finished_run_can_be_resumed_to_no_effect(configure: Configure, corpus_file: Path, tmp_path: Path) -> None:
    config = configure(dev=corpus_file)
    first = train(config, tmp_path / "out", device="cpu")
    before = (tmp_path / "out" / "model.safetensors").read_bytes()
    assert train(config, tmp_path / "out", resume=True, device="cpu") == first
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == before


def test_a_folder_in_use_is_refused_and_left_alone(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(AtlopError) as caught:
        train(configure(), tmp_path / "out", device="cpu")
    expected = "is not empty; choose a new folder, or go on with its run by --resume"
    assert str(caught.value) == f"{tmp_path}/out: {expected}"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]


def test_a_run_with_other_settings_is_not_resumed(configure: Configure, tmp_path: Path) -> None:
    train(configure(), tmp_path / "out", device="cpu")
    before = (tmp_path / "out" / "training.json").read_bytes()
    with pytest.raises(ConfigError) as caught:
        train(configure(seed=1, warmup=0.5), tmp_path / "out", resume=True, device="cpu")
    assert str(caught.value) == (
        f"--resume {tmp_path}/out: 2 mistakes\n"
        "  - warmup: got 0.5, the run began with 0.06\n"
        "  - seed: got 1, the run began with 66"
    )
    assert (tmp_path / "out" / "training.json").read_bytes() == before


def test_what_cannot_be_trained_leaves_no_folder(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "rel2id.json").write_text('{"Na": 0, "P1": 1}')
    wrong: list[tuple[type[AtlopError], dict[str, Any]]] = [
        (LabelError, {"labels": tmp_path / "rel2id.json"}),
        (CheckpointError, {"encoder": str(tmp_path)}),
        (ConfigError, {"model": ModelConfig(embedding_size=8, block_size=4)}),
    ]
    for kind, settings in wrong:
        with pytest.raises(kind):
            train(configure(**settings), tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()


def test_an_overlap_that_the_window_has_no_room_for_is_told(configure: Configure, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        train(configure(model=ModelConfig(embedding_size=8, block_size=4)), tmp_path / "out", device="cpu")
    expected = "less than 62, the room in a window of 64 subwords"
    assert str(caught.value) == f"configuration: 1 mistake\n  - window_overlap: got 128, expected {expected}"


def test_an_encoder_that_cannot_be_loaded_is_told(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError) as caught:
        train(configure(encoder=str(tmp_path)), tmp_path / "out", device="cpu")
    assert str(caught.value) == (
        f"encoder '{tmp_path}': transformers cannot load it: "
        f"Unrecognized model in {tmp_path}. Should have a `model_type` key in its config.json."
    )


@pytest.fixture
def base(make_checkpoint: Callable[..., Checkpoint], tmp_path: Path) -> Path:
    """The folder of a model that knows P1, P2 and P3."""
    save(make_checkpoint(threshold_offset=1.0, temperature=2.0, max_labels=2), tmp_path / "base")
    return tmp_path / "base"


def test_relations_that_a_model_knows_keep_their_weights(base: Path) -> None:
    old, new = load(base), start_from(str(base), LabelMap(("P9", "P3", "P1", "P8")))
    before, after = old.model.bilinear.linear, new.model.bilinear.linear
    assert after.weight.shape == (5, before.weight.shape[1])
    for old_column, new_column in ((0, 0), (3, 2), (1, 3)):
        assert torch.equal(after.weight[new_column], before.weight[old_column])
        assert torch.equal(after.bias[new_column], before.bias[old_column])
    for new_column in (1, 4):
        assert not any(torch.equal(after.weight[new_column], row) for row in before.weight)
    others = (name for name in old.model.state_dict() if not name.startswith("bilinear."))
    assert all(torch.equal(new.model.state_dict()[name], old.model.state_dict()[name]) for name in others)


def test_a_model_to_start_from_keeps_its_parts_but_not_its_calibration(base: Path) -> None:
    config = start_from(str(base), LabelMap(("P9",))).config
    assert (config.max_labels, config.threshold_offset, config.temperature) == (2, 0.0, 1.0)
    assert (config.embedding_size, config.block_size) == (12, 4)


def test_a_run_from_a_model_is_resumed_from_the_same_model_only(
    configure: Configure, base: Path, tmp_path: Path
) -> None:
    train(configure(), tmp_path / "out", init=str(base), device="cpu")
    assert load(tmp_path / "out").config.embedding_size == 12
    assert load(tmp_path / "out").labels == LabelMap(("P1", "P2"), type_constraints=PEOPLE)
    with pytest.raises(ConfigError) as caught:
        train(configure(), tmp_path / "out", resume=True, device="cpu")
    message = f"init: got None, the run began with '{base}'"
    assert str(caught.value) == f"--resume {tmp_path}/out: 1 mistake\n  - {message}"


def test_a_failed_run_says_so_and_keeps_what_was_there(
    configure: Configure, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss that is no number is found where the model is scored, and no broken model is kept."""
    monkeypatch.setattr(module, "new_checkpoint", _broken(module.new_checkpoint))
    with pytest.raises(CheckpointError) as caught:
        train(configure(dev=corpus_file), tmp_path / "out", device="cpu")
    assert str(caught.value) == "document 'two': the model gave scores that are not numbers"
    assert not (tmp_path / "out" / "atlop.json").exists()


def _broken(make: Callable[..., Checkpoint]) -> Callable[..., Checkpoint]:
    def run(*arguments: Any) -> Checkpoint:
        checkpoint = make(*arguments)
        with torch.no_grad():
            checkpoint.model.bilinear.linear.bias[1] = torch.nan
        return checkpoint

    return run
