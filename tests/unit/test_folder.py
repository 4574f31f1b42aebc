"""How model folders are found and replaced; tests/unit/test_checkpoint.py shows how they are saved and loaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from atlop.errors import CheckpointError
from atlop.folder import BUNDLED, find_folder, load_config, load_tokenizer, staging


def test_a_folder_is_its_own_name(tmp_path: Path) -> None:
    assert find_folder(tmp_path) == find_folder(str(tmp_path)) == tmp_path


def test_a_file_is_no_model_folder(tmp_path: Path) -> None:
    path = tmp_path / "atlop.json"
    path.touch()
    with pytest.raises(CheckpointError) as caught:
        find_folder(path)
    assert str(caught.value) == f"model '{path}': is a file, expected a model folder"


def test_without_a_name_the_bundled_model_is_meant() -> None:
    assert find_folder(None) == BUNDLED


def test_the_bundled_model_has_a_name_which_a_folder_may_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_folder("bundled") == BUNDLED
    (tmp_path / "bundled").mkdir()
    assert find_folder("bundled") == Path("bundled")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """A Hub that answers with a folder, and the arguments of what it is asked."""
    asked: list[dict[str, Any]] = []

    def answer(name: str, **others: Any) -> str:
        asked.append({"name": name, **others})
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", answer)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda _, name, **others: asked.append(others))
    monkeypatch.chdir(tmp_path)
    return asked


@pytest.mark.parametrize("revision", [None, "v1"])
def test_only_the_files_of_a_model_are_downloaded(
    tmp_path: Path, hub: list[dict[str, Any]], revision: str | None
) -> None:
    assert find_folder("someone/some-model", revision) == tmp_path
    probe, download = hub
    assert probe == {"revision": revision, "timeout": 10}
    files = ["atlop.json", "labels.json", "calibration.json", "encoder", "model.safetensors"]
    graphs = ["encoder.onnx", "entities.onnx", "contexts.onnx", "pairs.onnx", "interaction.onnx"]
    assert download == {
        "name": "someone/some-model",
        "revision": revision,
        "allow_patterns": [*files, *graphs, "encoder/*"],
        "etag_timeout": 10,
        "local_files_only": False,
    }


def fails_with(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


def refusal(name: Any, revision: str | None = None) -> str:
    with pytest.raises(CheckpointError) as caught:
        find_folder(name, revision)
    return str(caught.value)


def test_a_hub_that_does_not_answer_leaves_its_cache(
    tmp_path: Path, hub: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", fails_with(TimeoutError()))
    assert find_folder("someone/some-model") == tmp_path
    assert [asked["local_files_only"] for asked in hub] == [True]
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fails_with(LocalEntryNotFoundError("not in the cache")))
    problem = "the Hugging Face Hub does not answer, and there is no copy in the local cache"
    assert refusal("someone/some-model") == f"model 'someone/some-model': no such folder, and {problem}"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    problem = "the Hugging Face Hub is switched off by HF_HUB_OFFLINE, and there is no copy in the local cache"
    assert refusal("someone/some-model") == f"model 'someone/some-model': no such folder, and {problem}"


RESPONSE: Any = SimpleNamespace(headers={}, request=None, status_code=404)
NO_MODEL = "has no model of this name that you can access"
ANSWERS = {
    "no such model": (
        RepositoryNotFoundError("404", response=RESPONSE),
        "has no model of this name that you can access",
    ),
    "no such revision": (RevisionNotFoundError("404", response=RESPONSE), "has no revision 'v9' of it"),
    "a broken download": (
        OSError("Consistency check failed:\n file"),
        "returned an error: Consistency check failed: file",
    ),
}


@pytest.mark.parametrize(("error", "problem"), ANSWERS.values(), ids=ANSWERS)
@pytest.mark.usefixtures("hub")
def test_what_the_hub_answers_is_told(error: Exception, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if isinstance(error, HfHubHTTPError):
        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", fails_with(error))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fails_with(error))
    told = refusal("someone/some-model", "v9")
    assert told == f"model 'someone/some-model': no such folder, and the Hugging Face Hub {problem}"


@pytest.mark.parametrize(
    "name", ["model", "./some/model", "../model", "/some/model", "~/model", "a/b/c", "runs/docre", "a b/c", "a\0/b"]
)
def test_a_typo_of_a_folder_does_not_ask_the_hub(tmp_path: Path, hub: list[dict[str, Any]], name: str) -> None:
    (tmp_path / "runs").mkdir()
    expected = "expected a model folder, or the name of one on the Hugging Face Hub, such as org/name"
    assert refusal(name) == f"model {name!r}: no such folder; {expected}"
    assert not hub


def test_a_path_is_never_a_name_on_the_hub(hub: list[dict[str, Any]]) -> None:
    assert refusal(Path("someone/some-model")).startswith("model 'someone/some-model': no such folder; ")
    assert not hub


def test_a_name_that_the_system_refuses_is_told() -> None:
    assert refusal("x" * 300).endswith("x': cannot be read: File name too long")


def test_a_local_model_has_no_revisions(tmp_path: Path) -> None:
    for name in (tmp_path, None):
        assert refusal(name, "v1") == "revision: got 'v1' for a local model; only models on the Hub have revisions"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder with an exported model, and what a training run keeps beside a model."""
    for name in ("atlop.json", "encoder/spiece.model", "encoder.onnx", "states/checkpoint-3", "training.json"):
        (tmp_path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / name).write_text(f"old {name}")
    return tmp_path / "model"


def replace_model(folder: Path) -> None:
    with staging(folder) as place:
        for name in ("encoder/vocab.txt", "model.safetensors", "atlop.json"):
            (place / name).parent.mkdir(exist_ok=True)
            (place / name).write_text("new")


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


BESIDE = {"states/checkpoint-3": "old states/checkpoint-3", "training.json": "old training.json"}
NEW = {"encoder/vocab.txt": "new", "model.safetensors": "new", "atlop.json": "new"}


def test_a_model_replaces_one_of_another_kind_and_nothing_beside_it(old: Path) -> None:
    replace_model(old)
    assert contents(old) == BESIDE | NEW


@pytest.mark.parametrize("step", range(6))
def test_a_failure_at_any_step_leaves_the_old_model(old: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Three entries move out, three in."""
    before, rename, renamed = contents(old), Path.rename, list[Path]()

    def fail_at(self: Path, target: Path) -> Path:
        renamed.append(self)
        if len(renamed) == step + 1:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_at)
    with pytest.raises(CheckpointError) as caught:
        replace_model(old)
    assert str(caught.value) == f"{old}: the model cannot be saved: Input/output error"
    assert contents(old) == before


@pytest.mark.parametrize("step", range(6))
@pytest.mark.parametrize("moved", [True, False])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interruption_at_any_step_leaves_the_old_model(
    old: Path, monkeypatch: pytest.MonkeyPatch, step: int, moved: bool, kind: type[BaseException]
) -> None:
    before, rename, renamed = contents(old), Path.rename, list[Path]()

    def interrupt_at(self: Path, target: Path) -> Path:
        renamed.append(self)
        if len(renamed) == step + 1:
            if moved:
                rename(self, target)
            raise kind
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupt_at)
    with pytest.raises(kind):
        replace_model(old)
    assert contents(old) == before


KILLED = """
import os
from pathlib import Path
from atlop.folder import staging

rename, renamed = Path.rename, []

def killed(self, target):
    if len(renamed) == {step}:
        os._exit(9)
    renamed.append(self)
    return rename(self, target)

Path.rename = killed
with staging(Path({folder!r})) as place:
    (place / "encoder").mkdir()
    (place / "atlop.json").touch()
"""


@pytest.mark.parametrize("step", [1, 3, 4])
def test_a_model_whose_saving_was_killed_is_not_loaded(old: Path, step: int) -> None:
    kill = KILLED.format(step=step, folder=str(old))
    assert subprocess.run([sys.executable, "-c", kill], check=False).returncode == 9
    with pytest.raises(CheckpointError) as caught:
        load_config(old)
    problem = "holds no model, as saving it was interrupted; save or train it again"
    assert str(caught.value) == f"{old}: {problem}"
    replace_model(old)
    assert contents(old) == BESIDE | NEW


def test_a_new_folder_is_removed_if_the_model_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught, staging(tmp_path / "model"):
        raise OSError(28, "No space left on device")
    assert str(caught.value) == f"{tmp_path}/model: the model cannot be saved: No space left on device"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "problem"), [("loop", "File exists"), ("file/model", "Not a directory")])
def test_a_path_that_cannot_be_a_folder_is_told(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError) as caught:
        replace_model(tmp_path / name)
    assert str(caught.value) == f"{tmp_path}/{name}: the model cannot be saved: {problem}"


def test_json_that_is_nested_too_deeply_is_told(tmp_path: Path) -> None:
    (tmp_path / "atlop.json").write_text("[" * 100_000)
    with pytest.raises(CheckpointError) as caught:
        load_config(tmp_path)
    assert str(caught.value) == f"{tmp_path}/atlop.json: not readable as JSON: nested too deeply"


def test_a_missing_encoder_is_not_looked_for_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        load_tokenizer(Path("someone/some-model"))
    problem = "no such file, expected one in the folder of every encoder"
    assert str(caught.value) == f"someone/some-model/config.json: {problem}"
