"""Import of checkpoints that the reference implementation saved.

The reference implementation saves a bare ``state_dict``: the encoder as ``model.*``, then ``head_extractor``,
``tail_extractor`` and ``bilinear``. Sizes are read from the weights; its other flags are set to the published values.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from atlop.checkpoint import Checkpoint, bare_encoder, check_columns, fill_model
from atlop.config import ModelConfig
from atlop.errors import CheckpointError, ConfigError, LabelError, reason
from atlop.labels import read_columns
from atlop.model.relation_model import RelationModel

RENAMED = {
    "model.": "encoder.transformer.",
    "head_extractor.": "head.linear.",
    "tail_extractor.": "tail.linear.",
    "bilinear.": "bilinear.linear.",
}
"""Prefixes of the reference's parameter names, and of ours."""

UNUSED = ("encoder.transformer.pooler.", "encoder.transformer.embeddings.position_ids")
"""Prefixes of weights that no score depends on."""

NEEDED = {"head.linear.weight": 2, "bilinear.linear.weight": 2, "bilinear.linear.bias": 1}
"""Weights that sizes are read from, and the number of dimensions of each."""

REFERENCE_LENGTH = 1024
"""Number of subwords to which the reference truncates a document."""

REFERENCE_OVERLAP = -3
"""The reference leaves a gap of up to three subwords between its two windows."""


def load_reference(config: Path, weights: Path, labels: Path) -> Checkpoint:
    """Load weights of the reference implementation as a checkpoint.

    Args:
        config: folder with the encoder's ``config.json`` and tokenizer files.
        weights: the ``state_dict``, as ``.pt`` or ``.safetensors``.
        labels: the ``rel2id.json`` that the model was trained with; column 0 is the threshold whatever its name.

    Raises:
        CheckpointError: if a file cannot be read, or the files do not fit together.
    """
    try:
        label_map = read_columns(labels)
    except LabelError as error:
        raise CheckpointError(str(error)) from error
    published = _read_weights(weights)
    state = _rename(published)
    if any(name not in state or state[name].dim() != dimensions for name, dimensions in NEEDED.items()):
        found = ", ".join(sorted(published)[:3]) or "nothing"
        problem = f"got {found}, expected a state_dict of the reference implementation with head_extractor and bilinear"
        raise CheckpointError(f"{weights}: {problem}")
    check_columns(state["bilinear.linear.bias"], label_map, weights)
    try:
        settings = _settings(state)
    except (ConfigError, ZeroDivisionError) as error:
        shapes = ", ".join(f"{name} {tuple(state[name].shape)}" for name in NEEDED)
        raise CheckpointError(f"{weights}: the sizes of the weights do not fit together: {shapes}") from error
    transformer, tokenizer = bare_encoder(config)
    model = RelationModel(transformer, settings, len(label_map))
    fill_model(model, state, weights)
    return Checkpoint(model, settings, label_map, tokenizer)


def _settings(state: dict[str, Tensor]) -> ModelConfig:
    """Infer settings from the weights; two columns mean the biomedical reader, which marks each mention separately."""
    size = len(state["head.linear.weight"])
    columns, products = state["bilinear.linear.weight"].shape
    binary = columns == 2
    return ModelConfig(
        embedding_size=size,
        block_size=products // size,
        markers="each" if binary else "shared",
        max_labels=1 if binary else 4,
        max_length=REFERENCE_LENGTH,
        window_overlap=REFERENCE_OVERLAP,
    )


def _read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state_dict without running code that a pickle may contain."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        problem = "got something other than plain tensors, expected a state_dict; none of it was run"
        raise CheckpointError(f"{path}: {problem}") from error
    # Damaged files raise errors of every kind.
    except Exception as error:
        raise CheckpointError(f"{path}: not readable as weights: {reason(error)}") from error
    if not isinstance(state, dict) or not all(isinstance(n, str) and isinstance(t, Tensor) for n, t in state.items()):
        raise CheckpointError(f"{path}: got {type(state).__name__}, expected a state_dict, names with one tensor each")
    return state


def _rename(state: dict[str, Tensor]) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in state.items():
        prefix = next((prefix for prefix in RENAMED if name.startswith(prefix)), None)
        own = name if prefix is None else RENAMED[prefix] + name[len(prefix) :]
        if not own.startswith(UNUSED):
            renamed[own] = tensor
    return renamed
