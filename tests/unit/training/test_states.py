from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atlop.config import ModelConfig, TrainingConfig
from atlop.errors import AtlopError, CheckpointError, ConfigError
from atlop.training.states import CONFIG, check_output, describe, last_state, write_json

Configure = Callable[..., TrainingConfig]
FILES = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")


@pytest.fixture
def state(tmp_path: Path) -> Callable[..., Path]:
    """Write a state; files that are left out were not written yet when the run was killed."""

    def run(step: int, *, without: tuple[str, ...] = (), **contents: str) -> Path:
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        for name in FILES:
            if name not in without:
                (folder / name).write_text(contents.get(name.partition(".")[0], "{}"))
        return folder

    return run


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_newest_state_is_found_by_its_number(state: Callable[..., Path], tmp_path: Path) -> None:
    newest = [state(step) for step in (9, 100, 20)][1]
    assert last_state(tmp_path) == str(newest)
    assert len(names(tmp_path)) == 3


def test_without_states_there_is_none(tmp_path: Path) -> None:
    assert last_state(tmp_path) is None
    assert last_state(tmp_path / "none") is None


@pytest.mark.parametrize("missing", FILES)
def test_a_state_that_lacks_a_file_is_cleared(state: Callable[..., Path], tmp_path: Path, missing: str) -> None:
    whole = state(10)
    state(20, without=(missing,))
    assert last_state(tmp_path) == str(whole)
    assert names(tmp_path) == ["checkpoint-10"]


def test_a_state_whose_last_file_breaks_off_is_cleared(state: Callable[..., Path], tmp_path: Path) -> None:
    whole = state(10)
    state(20, trainer_state='{"global_step": 2')
    state(30, without=FILES)
    assert last_state(tmp_path) == str(whole)
    assert names(tmp_path) == ["checkpoint-10"]


def test_nothing_is_left_where_every_state_is_half_written(state: Callable[..., Path], tmp_path: Path) -> None:
    state(10, without=FILES[1:])
    assert last_state(tmp_path) is None
    assert names(tmp_path) == []


def test_several_processes_have_a_random_state_each(state: Callable[..., Path], tmp_path: Path) -> None:
    folder = state(10, without=("rng_state.pth",))
    for process in (0, 1):
        (folder / f"rng_state_{process}.pth").touch()
    assert last_state(tmp_path) == str(folder)


def test_a_run_is_described_with_all_that_it_depends_on(configure: Configure) -> None:
    described = describe(configure(report_to=["wandb"]), "base")
    assert (described["init"], described["report_to"], described["dev"]) == ("base", ["wandb"], None)
    assert described["train"] == str(configure().train)
    assert described["model"]["embedding_size"] == 8
    assert json.loads(json.dumps(described)) == described


def test_a_json_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"é": 1})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "é": 1\n}\n'
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"b": object()})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"é": 1}
    assert names(tmp_path) == ["a.json"]


def check(output: Path, config: TrainingConfig, *, init: str | None = None, resume: bool = False) -> None:
    check_output(output, describe(config, init), resume=resume)


@pytest.mark.parametrize("resume", [False, True])
def test_a_new_or_empty_folder_is_taken(configure: Configure, tmp_path: Path, resume: bool) -> None:
    (tmp_path / "empty").mkdir()
    check(tmp_path / "empty", configure(), resume=resume)
    check(tmp_path / "none", configure(), resume=resume)


def test_a_folder_in_use_is_refused(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(AtlopError) as caught:
        check(tmp_path, configure())
    expected = "is not empty; choose a new folder, or go on with its run by --resume"
    assert str(caught.value) == f"{tmp_path}: {expected}"


def test_a_folder_of_something_else_is_not_resumed(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(AtlopError) as caught:
        check(tmp_path, configure(), resume=True)
    assert str(caught.value) == f"{tmp_path}: is not empty and holds no run to go on with; choose a new folder"


@pytest.mark.parametrize("resume", [False, True])
def test_a_file_is_refused(configure: Configure, corpus_file: Path, resume: bool) -> None:
    with pytest.raises(AtlopError) as caught:
        check(corpus_file, configure(), resume=resume)
    assert str(caught.value) == f"{corpus_file}: is a file, expected a folder for the model"


def test_the_same_settings_go_on(configure: Configure, tmp_path: Path) -> None:
    write_json(tmp_path / CONFIG, describe(configure(), "base"))
    check(tmp_path, configure(), init="base", resume=True)


def test_other_settings_are_told_all_at_once(configure: Configure, tmp_path: Path) -> None:
    before = configure(model=ModelConfig(embedding_size=8, block_size=8))
    write_json(tmp_path / CONFIG, describe(before, None))
    now: dict[str, Any] = {"epochs": 5, "seed": 1, "model": before.model}
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, configure(**now), init="base", resume=True)
    assert str(caught.value) == (
        f"--resume {tmp_path}: 3 mistakes\n"
        "  - epochs: got 5, the run began with 1\n"
        "  - seed: got 1, the run began with 66\n"
        "  - init: got 'base', the run began with None"
    )


def test_settings_that_cannot_be_read_are_told(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text("{")
    with pytest.raises(CheckpointError) as caught:
        check(tmp_path, configure(), resume=True)
    reason = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    assert str(caught.value) == f"{tmp_path}/training.json: not readable as JSON: {reason}"
