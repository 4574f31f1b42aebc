from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import TrainerState

from atlop import locking
from atlop.config import ModelConfig, TrainingConfig
from atlop.errors import AtlopError, CheckpointError, ConfigError
from atlop.training.states import CONFIG, LOCK, check_output, claim, describe, last_state, write_json

Configure = Callable[..., TrainingConfig]
FILES = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")


@pytest.fixture
def state(tmp_path: Path) -> Callable[..., Path]:
    """Write a small but valid state; files that are left out were not written yet when the run was killed."""

    def run(step: int, *, without: tuple[str, ...] = ()) -> Path:
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        save_file({"weight": torch.zeros(100)}, folder / "model.safetensors")
        for name in FILES[1:4]:
            torch.save({"values": torch.zeros(100)}, folder / name)
        TrainerState(global_step=step).save_to_json(str(folder / "trainer_state.json"))
        for name in without:
            (folder / name).unlink()
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
def test_a_state_that_lacks_a_file_is_left_out_with_a_warning(
    state: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture, missing: str
) -> None:
    whole, killed = state(10), state(20, without=(missing,))
    assert last_state(tmp_path) == str(whole)
    assert names(tmp_path) == ["checkpoint-10"]
    named = "rng_state*.pth" if missing == "rng_state.pth" else missing
    problem = f"is incomplete or damaged ({named}: missing)"
    assert caplog.messages == [f"{killed}: {problem}; resuming from checkpoint-10"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"\0" * 99])
def test_a_state_with_a_damaged_file_is_left_out_with_a_warning(
    state: Callable[..., Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    damage: Callable[[bytes], bytes],
) -> None:
    whole, broken = state(10), state(20)
    (broken / name).write_bytes(damage((broken / name).read_bytes()))
    assert last_state(tmp_path) == str(whole)
    (message,) = caplog.messages
    assert message.startswith(f"{broken}: is incomplete or damaged ({name}: ")
    assert message.endswith("; resuming from checkpoint-10")


def test_a_state_of_another_step_is_damaged(
    state: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    TrainerState(global_step=7).save_to_json(str(state(20) / "trainer_state.json"))
    assert last_state(tmp_path) is None
    problem = "is incomplete or damaged (trainer_state.json: broken)"
    assert caplog.messages == [f"{tmp_path}/checkpoint-20: {problem}; resuming from the beginning"]
    assert names(tmp_path) == []


def test_what_is_no_state_is_left_alone(state: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "checkpoint-mine").mkdir()
    whole = state(10)
    assert last_state(tmp_path) == str(whole)
    assert names(tmp_path) == ["checkpoint-10", "checkpoint-mine"]


def test_several_processes_have_a_random_state_each(state: Callable[..., Path], tmp_path: Path) -> None:
    folder = state(10, without=("rng_state.pth",))
    for process in (0, 1):
        torch.save({}, folder / f"rng_state_{process}.pth")
    assert last_state(tmp_path) == str(folder)


def test_a_run_is_described_with_all_that_it_depends_on(configure: Configure) -> None:
    described = describe(configure(init="base"))
    assert (described["init"], described["report_to"], described["dev"]) == ("base", [], None)
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


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file break off half-way."""
    write_text = Path.write_text

    def fail(self: Path, text: str, **others: Any) -> int:
        write_text(self, text[: len(text) // 2], **others)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    with pytest.raises(AtlopError) as caught:
        write_json(tmp_path / "a.json", {"a": 1})
    assert str(caught.value) == f"{tmp_path}/a.json: cannot be written: No space left on device"
    assert names(tmp_path) == []


HOLD = """
import time
from pathlib import Path
from atlop.training.states import claim

with claim(Path({folder!r})):
    print("held", flush=True)
    time.sleep(60)
"""


def refusal(output: Path) -> str:
    """The message with which a folder cannot be claimed."""
    with pytest.raises(AtlopError) as caught, claim(output):
        pass
    return str(caught.value)


def test_a_folder_is_of_one_run_at_a_time(tmp_path: Path) -> None:
    with claim(tmp_path / "out"):
        expected = "another run is training into this folder; wait for it, or choose a new folder"
        assert refusal(tmp_path / "out") == f"{tmp_path}/out: {expected}"
        (tmp_path / "out" / "model").touch()
    with claim(tmp_path / "out"):
        assert names(tmp_path / "out") == [LOCK, "model"]
    assert names(tmp_path / "out") == ["model"]


def test_another_process_holds_its_folder_until_it_is_killed(tmp_path: Path) -> None:
    code = HOLD.format(folder=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        assert "another run" in refusal(tmp_path)
        process.kill()
    assert names(tmp_path) == [LOCK]
    with claim(tmp_path):
        pass
    assert names(tmp_path) == []


def test_a_run_that_fails_at_once_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(AtlopError, match="wrong"), claim(tmp_path / "runs" / "out"):
        raise AtlopError("wrong")
    assert names(tmp_path) == []


def test_a_file_system_without_locks_lets_a_run_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(locking.fcntl, "flock", refuse)
    with claim(tmp_path / "out"):
        assert names(tmp_path / "out") == [LOCK]
    assert names(tmp_path) == []


def test_a_path_that_cannot_be_a_folder_is_told(corpus_file: Path, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    for path in (corpus_file, loop):
        assert refusal(path) == f"{path}: is not a folder, expected one for the model"
    assert refusal(corpus_file / "out") == f"{corpus_file}/out: cannot be written: Not a directory"
    assert refusal(tmp_path / ("x" * 300)).endswith("x: cannot be written: File name too long")


def check(output: Path, config: TrainingConfig, *, resume: bool = False) -> None:
    check_output(output, describe(config), resume=resume)


@pytest.mark.parametrize("resume", [False, True])
def test_a_new_or_empty_folder_is_taken(configure: Configure, tmp_path: Path, resume: bool) -> None:
    with claim(tmp_path / "out"):
        check(tmp_path / "out", configure(), resume=resume)


def test_a_folder_in_use_is_refused(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(AtlopError) as caught:
        check(tmp_path, configure())
    expected = "is not empty; choose a new folder, or continue its run with --resume"
    assert str(caught.value) == f"{tmp_path}: {expected}"


def test_a_folder_of_something_else_is_not_resumed(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(AtlopError) as caught:
        check(tmp_path, configure(), resume=True)
    assert str(caught.value) == f"{tmp_path}: is not empty and holds no run to resume; choose a new folder"


def test_the_same_settings_go_on(configure: Configure, tmp_path: Path) -> None:
    write_json(tmp_path / CONFIG, describe(configure(init="base")))
    check(tmp_path, configure(init="base"), resume=True)


def test_other_settings_are_told_all_at_once(configure: Configure, tmp_path: Path) -> None:
    before = configure(model=ModelConfig(embedding_size=8, block_size=8))
    write_json(tmp_path / CONFIG, describe(before))
    now: dict[str, Any] = {"epochs": 5, "seed": 1, "init": "base", "model": before.model}
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, configure(**now), resume=True)
    assert str(caught.value) == (
        f"--resume {tmp_path}: 3 mistakes\n"
        "  - init: got 'base', the run began with None; restore the setting, or choose a new folder\n"
        "  - epochs: got 5, the run began with 1; restore the setting, or choose a new folder\n"
        "  - seed: got 1, the run began with 66; restore the setting, or choose a new folder"
    )


def test_settings_that_cannot_be_read_are_told(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text("{")
    with pytest.raises(CheckpointError) as caught:
        check(tmp_path, configure(), resume=True)
    reason = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    assert str(caught.value) == f"{tmp_path}/training.json: not readable as JSON: {reason}"
