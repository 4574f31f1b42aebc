"""Checkpoints of the published implementation become model folders of ours.

The published code saves a bare ``state_dict``: the encoder as ``model.*``, then ``head_extractor``, ``tail_extractor``
and ``bilinear``. Sizes are read from the weights; everything else that it kept in flags is set as it was.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from atlop.checkpoint import Checkpoint, bare_encoder, check_columns, fill_model
from atlop.config import ModelConfig
from atlop.errors import CheckpointError, LabelError, reason
from atlop.labels import LabelMap
from atlop.model.relation_model import RelationModel

RENAMED = {
    "model.": "encoder.transformer.",
    "head_extractor.": "head.linear.",
    "tail_extractor.": "tail.linear.",
    "bilinear.": "bilinear.linear.",
}
"""Beginnings of published parameter names, and of ours."""

UNUSED = ("encoder.transformer.pooler.", "encoder.transformer.embeddings.position_ids")
"""What published files may hold that no score depends on."""

NEEDED = {"head.linear.weight": 2, "bilinear.linear.weight": 2, "bilinear.linear.bias": 1}
"""Weights that sizes are read from, and how many dimensions each has."""

PUBLISHED_LENGTH = 1024
"""Subwords after which the published code cuts a document."""

PUBLISHED_OVERLAP = -3
"""Up to three subwords fall between the two windows of the published code."""


def load_reference(config: Path, weights: Path, labels: Path) -> Checkpoint:
    """Make a checkpoint of published weights.

    Args:
        config: folder with the encoder's ``config.json`` and tokenizer files.
        weights: the ``state_dict``, as ``.pt`` or ``.safetensors``.
        labels: the ``rel2id.json`` that the model was trained with; column 0 is the threshold whatever its name.

    Raises:
        CheckpointError: if a file cannot be read or they do not fit together.
    """
    label_map, published = _read_labels(labels), _read_weights(weights)
    state = _rename(published)
    if any(name not in state or state[name].dim() != dimensions for name, dimensions in NEEDED.items()):
        found = ", ".join(sorted(published)[:3]) or "nothing"
        problem = f"got {found}, expected a state_dict of the published implementation with head_extractor and bilinear"
        raise CheckpointError(f"{weights}: {problem}")
    check_columns(state["bilinear.linear.bias"], label_map, weights)
    settings = _settings(state)
    transformer, tokenizer = bare_encoder(config)
    model = RelationModel(transformer, settings, len(label_map))
    fill_model(model, state, weights)
    return Checkpoint(model, settings, label_map, tokenizer)


def _settings(state: dict[str, Tensor]) -> ModelConfig:
    """Read sizes from the weights; two columns mean the biomedical reader, which marks every mention by itself."""
    size = len(state["head.linear.weight"])
    columns, products = state["bilinear.linear.weight"].shape
    binary = columns == 2
    return ModelConfig(
        embedding_size=size,
        block_size=products // size,
        markers="each" if binary else "shared",
        max_labels=1 if binary else 4,
        max_length=PUBLISHED_LENGTH,
        window_overlap=PUBLISHED_OVERLAP,
    )


def _read_labels(path: Path) -> LabelMap:
    try:
        return LabelMap.from_columns(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LabelError) as error:
        raise CheckpointError(f"{path}: {reason(error)}") from error


def _read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state_dict without running what a pickle might hold."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        problem = "got something other than plain tensors, expected a state_dict; none of it was run"
        raise CheckpointError(f"{path}: {problem}") from error
    except (OSError, RuntimeError, EOFError, LookupError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not readable as weights: {reason(error)}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{path}: got {type(state).__name__}, expected a state_dict, names with one tensor each")
    return state


def _rename(state: dict[str, Tensor]) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in state.items():
        begin = next((begin for begin in RENAMED if name.startswith(begin)), None)
        own = name if begin is None else RENAMED[begin] + name[len(begin) :]
        if not own.startswith(UNUSED):
            renamed[own] = tensor
    return renamed
