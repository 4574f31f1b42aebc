"""One training run, from a configuration to a model folder."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from transformers import ProgressCallback, TrainerCallback, set_seed

from atlop.backends.devices import choose_device, choose_precision
from atlop.checkpoint import Checkpoint, build_model, load, new_checkpoint, save
from atlop.config import ModelConfig, TrainingConfig
from atlop.errors import AtlopError, CheckpointError, ConfigError, reason
from atlop.features import Featurizer
from atlop.folder import check_tokenizer, initial_config
from atlop.labels import LabelMap
from atlop.training.corpora import Corpora, check_dev, make_labels, read_corpora
from atlop.training.states import CONFIG, HISTORY, STATES, check_output, claim, describe, last_state, write_json
from atlop.training.teachers import with_teachers
from atlop.training.trainer import RelationTrainer, make_arguments

STRUCTURE = (
    *("embedding_size", "block_size", "markers", "mention_subwords", "mention_pooling"),
    *("context", "interaction", "thresholding"),
)
"""Settings that a model cannot change once it is trained."""


def train(
    config: TrainingConfig,
    output: Path,
    *,
    resume: bool = False,
    device: str = "auto",
    callbacks: Sequence[TrainerCallback] = (),
) -> dict[str, float]:
    """Train a model and save that of the best epoch in a folder.

    Args:
        config: everything that the run depends on. With ``init``, its model settings must match the
            structure of that model, as those of :func:`atlop.folder.initial_config` do.
        output: the folder; it must be new or empty unless ``resume``.
        resume: continue from the last complete state in ``output``, or start if there is none.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        callbacks: called at every step, to show progress for example; nothing is shown otherwise.

    Returns:
        The scores of the best epoch on the dev documents, empty without dev documents.

    Raises:
        AtlopError: if the folder is in use, or the documents, labels, encoder or device cannot be used.
    """
    target, settings = choose_device(device), describe(config)
    precision = choose_precision(config.precision, target, training=True)
    with claim(output) if is_first_process() else nullcontext():
        if is_first_process():
            check_output(output, settings, resume=resume)
        trainer = prepare(dataclasses.replace(config, precision=precision), output, device=target)
        trainer.remove_callback(ProgressCallback)
        for callback in callbacks:
            trainer.add_callback(callback)
        if is_first_process():
            write_json(output / CONFIG, settings)
        trainer.train(resume_from_checkpoint=last_state(output / STATES) if resume else None)
        if is_first_process():
            write_json(output / HISTORY, trainer.state.log_history)
            if not config.dev:
                save(trainer.checkpoint, output)
    return trainer.best()


def is_first_process() -> bool:
    """Return whether this process, of the several that ``torchrun`` starts, is the one that writes files."""
    return os.environ.get("RANK", "0") == "0"


def prepare(config: TrainingConfig, output: Path, *, device: torch.device) -> RelationTrainer:
    """Return the trainer of a run, ready to start; settings and documents are checked before the model is loaded."""
    if config.init is not None:
        check_structure(config.model, config.init)
    elif config.encoder.startswith((".", "/", "~")) and not os.path.isdir(config.encoder):  # noqa: PTH112
        raise CheckpointError(f"encoder {config.encoder!r}: no such folder")
    corpora = read_corpora(config)
    labels = make_labels(config, corpora.train, corpora.unlabelled)
    check_dev(config, corpora, labels)
    set_seed(config.seed)
    try:
        checkpoint = start_from(config.init, config.model, labels) if config.init else build(config, labels)
    except RuntimeError as error:  # torch could not allocate memory
        raise AtlopError(f"the model cannot be built at these sizes: {reason(error)}") from error
    return make_trainer(checkpoint, corpora, config, output, device)


def build(config: TrainingConfig, labels: LabelMap) -> Checkpoint:
    """Return a model with a pretrained encoder and new relation layers.

    Raises:
        CheckpointError: if the encoder cannot be loaded, or its tokenizer does not fit it.
    """
    checkpoint = new_checkpoint(config.encoder, config.model, labels)
    embeddings = getattr(checkpoint.model.encoder.transformer.config, "vocab_size", None)
    check_tokenizer(checkpoint.tokenizer, embeddings, place=f"encoder {config.encoder!r}")
    return checkpoint


def check_structure(config: ModelConfig, init: str) -> None:
    """Refuse settings that disagree with the structure of the model to start from.

    Raises:
        CheckpointError: if the model cannot be read.
        ConfigError: listing every setting that differs.
    """
    own = initial_config(init)
    differ = [name for name in STRUCTURE if getattr(config, name) != getattr(own, name)]
    if differ:
        both = ((name, getattr(config, name), getattr(own, name)) for name in differ)
        expected = "as in the model to start from; give it this value"
        mistakes = [f"model.{name}: got {found!r}, expected {wanted!r}, {expected}" for name, found, wanted in both]
        raise ConfigError(mistakes, source=f"init {init!r}")


def start_from(init: str, config: ModelConfig, labels: LabelMap) -> Checkpoint:
    """Return a trained model with another label map: what is new is initialized, the rest keeps its weights.

    The weights of relations, entity types and mention tags are matched by name.

    Args:
        init: the model.
        config: its new settings, of the same structure.
        labels: its new label map.

    Raises:
        CheckpointError: if the model cannot be loaded.
    """
    old = load(init)
    model = build_model(old.model.encoder.transformer, config, labels)
    own, stored = model.state_dict(), old.model.state_dict()
    columns = _shared(("", *labels.relations), ("", *old.labels.relations))
    types = _shared(("", *labels.entity_types), ("", *old.labels.entity_types))
    tags = _shared(_tags(labels), _tags(old.labels))
    named = {
        **dict.fromkeys(("bilinear.linear.weight", "bilinear.linear.bias"), (columns,)),
        "interaction.linear.weight": (columns, columns),
        **dict.fromkeys(("pooling.types.weight", "heads.entities.types.weight"), (types,)),
        **dict.fromkeys(("heads.mentions.tags.weight", "heads.mentions.tags.bias"), (tags,)),
    }
    for name in own.keys() & stored.keys():
        if name in named:
            new, known = (np.ix_(*places) for places in zip(*named[name], strict=True))
            own[name][new] = stored[name][known]
        elif own[name].shape == stored[name].shape:
            own[name].copy_(stored[name])
    return Checkpoint(model, config, labels, old.tokenizer)


def _tags(labels: LabelMap) -> list[str]:
    """Return a name for each tag of a word, in the order of :func:`atlop.targets.mention_tags`."""
    return ["", *(f"{place} {kind}" for kind in labels.entity_types for place in ("begins", "inside"))]


def _shared(names: Sequence[str], others: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the indices, in each of two sequences, of the names that they share."""
    shared = [name for name in names if name in others]
    return [names.index(name) for name in shared], [others.index(name) for name in shared]


def make_trainer(
    checkpoint: Checkpoint, corpora: Corpora, config: TrainingConfig, output: Path, device: torch.device
) -> RelationTrainer:
    """Assemble the trainer of a run without starting it."""
    model, labels = checkpoint.model, checkpoint.labels
    featurizer = Featurizer(checkpoint.tokenizer, checkpoint.config, model.encoder.window, labels=labels)
    every = "all_documents" in model.needs
    train, unlabelled = (
        [document for document in documents if every or document.pairs]
        for documents in (corpora.train, corpora.unlabelled)
    )
    features = [featurizer(document, labelled=True) for document in train]
    more = [featurizer(document, labelled=True) for document in unlabelled]
    features += with_teachers(more, unlabelled, config.teachers, labels, device.type) if config.teachers else more
    arguments = make_arguments(config, output, device)
    return RelationTrainer(checkpoint, corpora, config, output, featurizer, features, arguments)
