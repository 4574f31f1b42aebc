"""What every model folder holds beside its weights, read and written without torch.

    atlop.json          format version and the ModelConfig
    labels.json         relation names, names for people, and the threshold
    encoder/            config.json and tokenizer of the encoder, as transformers stores them

A folder is written atomically, and nothing in it is ever run.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlop.config import ModelConfig, build_model_config
from atlop.errors import CheckpointError, ConfigError, LabelError, got, reason
from atlop.labels import LabelMap

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FORMAT = 1
"""Version of the folder's layout; raised when an older atlop could no longer read a new folder."""

SETTINGS, LABELS, ENCODER = "atlop.json", "labels.json", "encoder"

ENCODER_GRAPH, ENTITIES_GRAPH = "encoder.onnx", "entities.onnx"
CONTEXTS_GRAPH, PAIRS_GRAPH = "contexts.onnx", "pairs.onnx"
"""What an exported model has in the place of weights."""

STAGING = ".saving-"
"""Beginning of the name of the folder in which a model is put together; one that stays is of a killed process."""

BUNDLED = Path(__file__).parent / "bundled" / "redocred-minilm"
"""The model that comes with the package."""


def find_folder(name: str | Path | None, revision: str | None = None) -> Path:
    """Give the model folder of a name: a folder, a name on the Hugging Face hub, or ``None`` for the bundled model.

    Raises:
        CheckpointError: if there is no such folder.
    """
    if name is None:
        return BUNDLED
    if Path(name).is_dir():
        return Path(name)
    if Path(name).exists():
        raise CheckpointError(f"model {str(name)!r}: is a file, expected a model folder")
    return _download(str(name), revision)


def _download(name: str, revision: str | None) -> Path:
    # Only here, as most models are on the machine and the client of the hub takes a while to import.
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(huggingface_hub.snapshot_download(name, revision=revision))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        expected = "expected a model folder or the name of one on the Hugging Face hub"
        raise CheckpointError(f"model {name!r}: no such folder, and the hub gave none; {expected}") from error


def load_config(folder: Path) -> ModelConfig:
    """Read the settings of a model folder.

    Raises:
        CheckpointError: if there are none, or they are of a newer format.
    """
    stored = read_json(folder / SETTINGS)
    version = stored.get("format") if isinstance(stored, dict) else None
    if version != FORMAT:
        raise CheckpointError(f"{folder / SETTINGS}: got format {got(version)}, this atlop reads format {FORMAT}")
    try:
        return build_model_config(stored.get("model", "nothing"), source=str(folder / SETTINGS))
    except ConfigError as error:
        raise CheckpointError(str(error)) from error


def load_labels(folder: Path) -> LabelMap:
    """Read the label map of a model folder.

    Raises:
        CheckpointError: if there is none.
    """
    try:
        return LabelMap.from_json(read_json(folder / LABELS))
    except LabelError as error:
        raise CheckpointError(f"{folder / LABELS}: {error}") from error


def load_tokenizer(encoder: Path) -> PreTrainedTokenizerBase:
    """Read the tokenizer of an encoder's folder.

    Raises:
        CheckpointError: if transformers cannot, or would have to run code of the folder.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(encoder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{encoder}: transformers cannot load the tokenizer: {reason(error)}") from error
    return tokenizer


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        CheckpointError: if it is missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file, expected one in every model folder") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: not readable as JSON: {reason(error)}") from error


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Give an empty folder whose files go to a model folder at the end, each whole or not at all, ``atlop.json`` last.

    Args:
        folder: where to; files of an older model in it are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for killed in folder.glob(f"{STAGING}*"):
        shutil.rmtree(killed)
    place = Path(tempfile.mkdtemp(prefix=STAGING, dir=folder))
    try:
        yield place
        _move(place, folder)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def write_settings(folder: Path, config: ModelConfig, labels: LabelMap) -> None:
    """Write the settings and the label map of a model folder."""
    _write_json(folder / LABELS, labels.to_json())
    _write_json(folder / SETTINGS, {"format": FORMAT, "model": dataclasses.asdict(config)})


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _move(place: Path, folder: Path) -> None:
    files = [path.relative_to(place) for path in place.rglob("*") if path.is_file()]
    for name in sorted(files, key=lambda name: name.name == SETTINGS):
        (folder / name).parent.mkdir(exist_ok=True)
        (place / name).replace(folder / name)
