"""Where model folders are found; tests/unit/test_checkpoint.py shows how they are written and read."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from atlop.errors import CheckpointError
from atlop.folder import BUNDLED, find_folder


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


def test_a_name_on_the_hub_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda name, revision: asked.append(name) or str(tmp_path)
    )
    assert find_folder("someone/some-model") == tmp_path
    assert asked == ["someone/some-model"]


@pytest.mark.parametrize("name", ["someone/no-model", "no/such/folder"])
def test_a_name_that_the_hub_does_not_give_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(_: str, revision: str | None) -> str:
        raise LocalEntryNotFoundError("not in the cache, and offline")

    if name.count("/") == 1:
        monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(CheckpointError) as caught:
        find_folder(name)
    expected = "expected a model folder or the name of one on the Hugging Face hub"
    assert str(caught.value) == f"model '{name}': no such folder, and the hub gave none; {expected}"
