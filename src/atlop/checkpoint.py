"""A model folder: everything that prediction needs, in safetensors and JSON, written atomically.

    atlop.json          format version and the ModelConfig
    labels.json         relation names, names for people, and the threshold
    encoder/            config.json and tokenizer of the encoder, as transformers stores them
    model.safetensors   all weights

Nothing in a folder is ever run: weights are safetensors, and the encoder is one of transformers' own classes.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from atlop.config import ModelConfig, build_model_config
from atlop.errors import CheckpointError, ConfigError, LabelError, got, reason
from atlop.labels import LabelMap
from atlop.model.relation_model import RelationModel

FORMAT = 1
"""Version of the folder's layout; raised when an older atlop could no longer read a new folder."""

SETTINGS, LABELS, ENCODER, WEIGHTS = "atlop.json", "labels.json", "encoder", "model.safetensors"

STAGING = ".saving-"
"""Beginning of the name of the folder in which a model is put together; one that stays is of a killed process."""

BUNDLED = Path(__file__).parent / "bundled" / "redocred-minilm"
"""The model that comes with the package."""


@dataclass(frozen=True)
class Checkpoint:
    """A model with all that belongs to it."""

    model: RelationModel
    config: ModelConfig
    labels: LabelMap
    tokenizer: PreTrainedTokenizerBase


def new_checkpoint(encoder: str, config: ModelConfig, labels: LabelMap) -> Checkpoint:
    """Put fresh relation layers on a pretrained encoder.

    Args:
        encoder: name on the Hugging Face hub, or folder.
        config: the parts and sizes of the model.
        labels: the relations.

    Raises:
        CheckpointError: if transformers cannot load the encoder.
    """
    try:
        # Some encoders are stored in fp16, in which nothing is trained here.
        transformer = AutoModel.from_pretrained(encoder, dtype=torch.float32, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(encoder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"encoder {encoder!r}: transformers cannot load it: {reason(error)}") from error
    return Checkpoint(RelationModel(transformer, config, len(labels)), config, labels, tokenizer)


def save(checkpoint: Checkpoint, folder: Path, *, dtype: torch.dtype | None = None) -> None:
    """Write a model folder; each file appears whole or not at all, and ``atlop.json`` last.

    Args:
        checkpoint: the model.
        folder: where to; files of an older model in it are replaced.
        dtype: the number format of the stored weights; ``None`` keeps the model's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for killed in folder.glob(f"{STAGING}*"):
        shutil.rmtree(killed)
    staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=folder))
    try:
        _write(checkpoint, staging, dtype)
        _move(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write(checkpoint: Checkpoint, folder: Path, dtype: torch.dtype | None) -> None:
    encoder = folder / ENCODER
    checkpoint.tokenizer.save_pretrained(encoder)
    checkpoint.model.encoder.transformer.config.save_pretrained(encoder)
    weights = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in _weights(checkpoint.model)}
    _write_json(folder / LABELS, checkpoint.labels.to_json())
    _write_json(folder / SETTINGS, {"format": FORMAT, "model": dataclasses.asdict(checkpoint.config)})
    save_file(weights, folder / WEIGHTS)
    # safetensors lets nobody else read its file; the weights are no more secret than the settings.
    (folder / WEIGHTS).chmod((folder / SETTINGS).stat().st_mode)


def _weights(model: RelationModel) -> list[tuple[str, Tensor]]:
    return list(model.state_dict().items())


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _move(staging: Path, folder: Path) -> None:
    files = [path.relative_to(staging) for path in staging.rglob("*") if path.is_file()]
    for name in sorted(files, key=lambda name: name.name == SETTINGS):
        (folder / name).parent.mkdir(exist_ok=True)
        (staging / name).replace(folder / name)


def find_folder(name: str | Path | None) -> Path:
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
    try:
        return Path(snapshot_download(str(name)))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        expected = "expected a model folder or the name of one on the Hugging Face hub"
        raise CheckpointError(f"model {str(name)!r}: no such folder, and the hub gave none; {expected}") from error


def load(name: str | Path | None = None) -> Checkpoint:
    """Read a model folder.

    Args:
        name: a folder, a name on the Hugging Face hub, or ``None`` for the bundled model.

    Raises:
        CheckpointError: if a file is missing or broken, or the files do not fit together.
    """
    folder = find_folder(name)
    config, labels = load_config(folder), load_labels(folder)
    transformer, tokenizer = bare_encoder(folder / ENCODER)
    model = _fill(transformer, config, labels, folder / WEIGHTS)
    return Checkpoint(model, config, labels, tokenizer)


def bare_encoder(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Build an encoder with random weights, and its tokenizer, from their files.

    Raises:
        CheckpointError: if transformers cannot, or would have to run code of the folder.
    """
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        transformer = AutoModel.from_config(config, dtype=torch.float32, trust_remote_code=False)
        return transformer, AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{folder}: transformers cannot load the encoder: {reason(error)}") from error


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


def _fill(transformer: PreTrainedModel, config: ModelConfig, labels: LabelMap, path: Path) -> RelationModel:
    """Build the model and give it the stored weights, in fp32."""
    try:
        weights = load_file(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file, expected one in every model folder") from error
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not readable as safetensors: {reason(error)}") from error
    model = RelationModel(transformer, config, len(labels))
    check_columns(weights.get("bilinear.linear.bias"), labels, path)
    fill_model(model, weights, path)
    return model


def check_columns(bias: Tensor | None, labels: LabelMap, path: Path) -> None:
    """Refuse weights that score another number of relations than the label map names.

    Raises:
        CheckpointError: naming both numbers.
    """
    if bias is not None and len(bias) != len(labels):
        raise CheckpointError(f"{path}: scores {len(bias)} columns, but the label map has {len(labels)}")


def fill_model(model: RelationModel, weights: dict[str, Tensor], path: Path) -> None:
    """Give a model weights by name, as fp32.

    Raises:
        CheckpointError: if a weight is missing, unknown, of another shape, or holds values that are not numbers.
    """
    own = model.state_dict()
    wrong = [f"{name}: missing" for name in own if name not in weights]
    wrong += [f"{name}: unknown" for name in weights if name not in own]
    both = [name for name in own if name in weights]
    shapes = [(name, tuple(weights[name].shape), tuple(own[name].shape)) for name in both]
    wrong += [f"{name}: got shape {found}, expected {wanted}" for name, found, wanted in shapes if found != wanted]
    wrong += [f"{name}: holds values that are not numbers" for name in both if not weights[name].isfinite().all()]
    if wrong:
        shown = "; ".join(wrong[:3]) + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        raise CheckpointError(f"{path}: the weights do not fit the model: {shown}")
    model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
