"""One training run from configuration to model folder."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from transformers import ProgressCallback, TrainerCallback, set_seed

from atlop.backends.devices import choose_device
from atlop.checkpoint import Checkpoint, load, new_checkpoint, save
from atlop.config import TrainingConfig
from atlop.features import Featurizer
from atlop.labels import LabelMap
from atlop.training.corpora import Corpora, make_labels, read_corpora
from atlop.training.states import CONFIG, HISTORY, STATES, check_output, describe, last_state, write_json
from atlop.training.trainer import RelationTrainer, make_arguments


def train(
    config: TrainingConfig,
    output: Path,
    *,
    resume: bool = False,
    init: str | None = None,
    device: str = "auto",
    callbacks: Sequence[TrainerCallback] = (),
) -> dict[str, float]:
    """Train a model and leave the best epoch's in a folder.

    Args:
        config: everything that the run depends on.
        output: the folder; it must be new or empty unless ``resume``.
        resume: go on from the last whole state in ``output``, or start where there is none.
        init: a model to start from instead of fresh relation layers; the run's labels may be new to it.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        callbacks: are told of every step, such as to show how far the run is; without one, nothing is shown.

    Returns:
        The scores of the best epoch on the dev documents, empty without dev documents.

    Raises:
        AtlopError: if the folder is in use, or the documents, labels, encoder or device do not serve.
    """
    settings = describe(config, init)
    if is_first_process():
        check_output(output, settings, resume=resume)
    target, corpora = choose_device(device), read_corpora(config)
    labels = make_labels(config, corpora.train)
    set_seed(config.seed)
    checkpoint = new_checkpoint(config.encoder, config.model, labels) if init is None else start_from(init, labels)
    trainer = make_trainer(checkpoint, corpora, config, output, target)
    trainer.remove_callback(ProgressCallback)
    for callback in callbacks:
        trainer.add_callback(callback)
    if is_first_process():
        output.mkdir(parents=True, exist_ok=True)
        write_json(output / CONFIG, settings)
    trainer.train(resume_from_checkpoint=last_state(output / STATES) if resume else None)
    if is_first_process():
        write_json(output / HISTORY, trainer.state.log_history)
        if not corpora.dev:
            save(checkpoint, output)
    return trainer.best()


def is_first_process() -> bool:
    """Tell whether this is the process that writes, of the several that ``torchrun`` starts."""
    return os.environ.get("RANK", "0") == "0"


def start_from(init: str, labels: LabelMap) -> Checkpoint:
    """Take a trained model for a label map: relations that it knows keep their weights, new ones start afresh.

    Raises:
        CheckpointError: if the model cannot be loaded.
    """
    old = load(init)
    config = dataclasses.replace(old.config, threshold_offset=0.0, temperature=1.0)
    linear = old.model.bilinear.linear
    fresh = nn.Linear(linear.in_features, len(labels))
    known = [
        (labels.column(name), old.labels.column(name)) for name in labels.relations if name in old.labels.relations
    ]
    with torch.no_grad():
        for new_column, old_column in [(0, 0), *known]:
            fresh.weight[new_column], fresh.bias[new_column] = linear.weight[old_column], linear.bias[old_column]
    old.model.bilinear.linear = fresh
    return Checkpoint(old.model, config, labels, old.tokenizer)


def make_trainer(
    checkpoint: Checkpoint, corpora: Corpora, config: TrainingConfig, output: Path, device: torch.device
) -> RelationTrainer:
    """Put together the trainer of a run; it has not started."""
    model, labels = checkpoint.model, checkpoint.labels
    featurizer = Featurizer(checkpoint.tokenizer, checkpoint.config, model.encoder.window, labels=labels)
    every = "all_documents" in model.needs
    features = [featurizer(document, labelled=True) for document in corpora.train if every or document.pairs]
    arguments = make_arguments(config, output, device)
    return RelationTrainer(checkpoint, corpora, config, output, featurizer, features, arguments)
