"""A trained model: saved to and loaded from its folder, the weights in safetensors.

:mod:`atlop.folder` describes what else the folder holds. No code in it is ever run: the encoder is one of transformers'
own classes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import torch
from accelerate import init_empty_weights  # type: ignore[import-untyped]
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

import atlop.ablations
import atlop.extensions
import atlop.heads.entities
import atlop.heads.evidence
import atlop.heads.mentions  # noqa: F401  all of them register their parts
from atlop.calibration import Calibration
from atlop.config import ModelConfig
from atlop.errors import CheckpointError, reason
from atlop.folder import (
    ENCODER,
    ENCODER_GRAPH,
    SETTINGS,
    WEIGHTS,
    check_encoder,
    find_folder,
    load_calibration,
    load_config,
    load_labels,
    load_tokenizer,
    staging,
    write_settings,
)
from atlop.labels import LabelMap
from atlop.model.relation_model import RelationModel
from atlop.parts import build

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """A model with all that belongs to it."""

    model: RelationModel
    config: ModelConfig
    labels: LabelMap
    tokenizer: PreTrainedTokenizerBase
    calibration: Calibration = field(default_factory=Calibration)


def new_checkpoint(encoder: str, config: ModelConfig, labels: LabelMap) -> Checkpoint:
    """Return a new model: a pretrained encoder with freshly initialized relation layers.

    Args:
        encoder: name on the Hugging Face Hub, or folder.
        config: the parts and sizes of the model.
        labels: the relations.

    Raises:
        CheckpointError: if transformers cannot load the encoder.
    """
    try:
        # Some encoders are stored in fp16, but weights are always trained in fp32 here.
        transformer = AutoModel.from_pretrained(encoder, dtype=torch.float32, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(encoder, trust_remote_code=False)
    # Damaged files raise errors of every kind.
    except Exception as error:
        raise CheckpointError(f"encoder {encoder!r}: transformers cannot load it: {reason(error)}") from error
    return Checkpoint(build_model(transformer, config, labels), config, labels, tokenizer)


def build_model(transformer: PreTrainedModel, config: ModelConfig, labels: LabelMap) -> RelationModel:
    """Return a model in the sizes of a label map, its relation layers freshly initialized."""
    return RelationModel(transformer, config, len(labels), len(labels.entity_types))


def save(checkpoint: Checkpoint, folder: Path, *, dtype: torch.dtype | None = None) -> None:
    """Save a model in a folder, whole or not at all; other files in the folder are left alone.

    Args:
        checkpoint: the model.
        folder: the folder; a model of any kind that it holds is replaced.
        dtype: dtype of the stored weights; ``None`` keeps the model's.

    Raises:
        CheckpointError: if the folder cannot be written; it is then as it was.
    """
    weights = checkpoint.model.state_dict().items()
    with staging(folder) as place:
        write_settings(place, checkpoint.config, checkpoint.labels, checkpoint.calibration)
        write_encoder(checkpoint, place / ENCODER)
        try:
            save_file(
                {name: weight.detach().to("cpu", dtype).contiguous() for name, weight in weights}, place / WEIGHTS
            )
        except SafetensorError as error:
            raise OSError(reason(error)) from error
        # safetensors makes its file private; the weights are no more secret than the settings.
        (place / WEIGHTS).chmod((place / SETTINGS).stat().st_mode)


def write_encoder(checkpoint: Checkpoint, folder: Path) -> None:
    """Write the configuration and the tokenizer of a model's encoder."""
    checkpoint.tokenizer.save_pretrained(folder)
    checkpoint.model.encoder.transformer.config.save_pretrained(folder)


def load(name: str | Path | None = None) -> Checkpoint:
    """Load a model folder.

    Args:
        name: a folder, a name on the Hugging Face Hub, or ``None`` for the bundled model.

    Raises:
        CheckpointError: if a file is missing or broken, or the files do not fit together.
    """
    folder = find_folder(name)
    if (folder / ENCODER_GRAPH).exists():
        raise CheckpointError(
            f"{folder}: is an exported model, which only predicts; expected the model it was exported from"
        )
    config, labels = load_config(folder), load_labels(folder)
    transformer, tokenizer = bare_encoder(folder / ENCODER)
    model = _fill(transformer, config, labels, folder / WEIGHTS)
    return Checkpoint(model, config, labels, tokenizer, load_calibration(folder))


def bare_encoder(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Build an encoder that has no weights until :func:`fill_model` gives it some, and its tokenizer, from their files.

    Raises:
        CheckpointError: if there is no such folder, transformers cannot read it, or would have to run code in it.
    """
    check_encoder(folder)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        # Random weights would only be replaced; buffers that no file contains are still created.
        with init_empty_weights():
            transformer = AutoModel.from_config(config, dtype=torch.float32, trust_remote_code=False)
    # Damaged files raise errors of every kind.
    except Exception as error:
        raise CheckpointError(f"{folder}: transformers cannot load the encoder: {reason(error)}") from error
    return transformer, load_tokenizer(folder)


def _fill(transformer: PreTrainedModel, config: ModelConfig, labels: LabelMap, path: Path) -> RelationModel:
    """Build the model and give it the stored weights, in fp32."""
    try:
        weights = load_file(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file, expected one in every model folder") from error
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not readable as safetensors: {reason(error)}") from error
    with init_empty_weights():
        model = build_model(transformer, config, labels)
    check_columns(weights.get("bilinear.linear.bias"), labels, path)
    fill_model(model, weights, path)
    return model


def check_columns(bias: Tensor | None, labels: LabelMap, path: Path) -> None:
    """Refuse weights whose number of columns is not that of the label map.

    Raises:
        CheckpointError: naming both numbers.
    """
    if bias is not None and len(bias) != len(labels):
        raise CheckpointError(f"{path}: scores {len(bias)} columns, but the label map has {len(labels)}")


def fill_model(model: RelationModel, weights: dict[str, Tensor], path: Path) -> None:
    """Load copies of weights into a model by name, as fp32, in place of its own.

    A head without weights, such as one that was added to a trained model, is initialized.

    Raises:
        CheckpointError: if a weight is missing, unknown, of another shape, or not finite.
    """
    fresh = _initialize_heads(model, weights)
    own = model.state_dict()
    wrong = [f"{name}: missing" for name in own if name not in weights and name not in fresh]
    wrong += [f"{name}: unknown" for name in weights if name not in own]
    both = [name for name in own if name in weights]
    shapes = [(name, tuple(weights[name].shape), tuple(own[name].shape)) for name in both]
    wrong += [
        f"{name}: got shape {found}, expected {expected}" for name, found, expected in shapes if found != expected
    ]
    wrong += [f"{name}: holds values that are not finite" for name in both if not weights[name].isfinite().all()]
    if wrong:
        shown = "; ".join(wrong[:3]) + (f"; and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        raise CheckpointError(f"{path}: the weights do not fit the model: {shown}")
    # Copies, as loaded weights are mapped from their file: they would change if it were overwritten.
    copies = {name: tensor.to(torch.float32, copy=True) for name, tensor in weights.items()}
    model.load_state_dict({**fresh, **copies}, assign=True)


def _initialize_heads(model: RelationModel, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Initialize the heads that have no weights, and return their new ones."""
    fresh: dict[str, Tensor] = {}
    for name, head in model.heads.items():
        prefix = f"heads.{name}."
        if head.state_dict() and not any(key.startswith(prefix) for key in weights):
            message = "the model has no weights for the head %r: it is initialized at random and must be trained"
            logger.warning(message, name)
            built = build("heads", name, model.sizes).to("cpu")
            fresh |= {prefix + key: tensor for key, tensor in built.state_dict().items()}
    return fresh
