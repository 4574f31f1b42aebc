"""The textbook and atlop with the same weights."""

from __future__ import annotations

import copy
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers import AutoModel, BertConfig, PretrainedConfig, RobertaConfig

import atlop
from atlop import RelationExtractor
from atlop.checkpoint import Checkpoint, load, save
from atlop.config import ModelConfig
from atlop.features import Featurizer
from atlop.model.relation_model import RelationModel
from benchmarks.textbook import Textbook

RANDOM: dict[str, PretrainedConfig] = {
    "bert-base": BertConfig(),
    "roberta-large": RobertaConfig(
        hidden_size=1024,
        num_hidden_layers=24,
        num_attention_heads=16,
        intermediate_size=4096,
        # RoBERTa numbers positions from its padding index on, here that of the bundled tokenizer, 0, which leaves 512.
        pad_token_id=0,
        max_position_embeddings=513,
    ),
}
"""The encoders of the shapes with random weights."""

SHAPES = ("minilm", *RANDOM)
"""The encoder of the bundled model and encoders with random weights, all with a new head as published."""


def checkpoint_of(shape: str) -> Checkpoint:
    """Return the checkpoint of a shape; all use the bundled tokenizer and labels."""
    bundled = load()
    torch.manual_seed(0)
    config, labels = ModelConfig(), bundled.labels
    own = bundled.model.encoder.transformer
    transformer = AutoModel.from_config(copy.deepcopy(RANDOM[shape])) if shape in RANDOM else own
    model = RelationModel(transformer, config, len(labels), len(labels.entity_types))
    return Checkpoint(model, config, labels, bundled.tokenizer)


def featurizer_of(checkpoint: Checkpoint) -> Featurizer:
    """Return the featurizer of a checkpoint."""
    window = checkpoint.model.encoder.window
    return Featurizer(checkpoint.tokenizer, checkpoint.config, window, labels=checkpoint.labels)


def textbook_of(checkpoint: Checkpoint, device: str) -> Textbook:
    """Build the textbook with a copy of a checkpoint's weights."""
    config, columns = checkpoint.config, len(checkpoint.labels)
    # A copy, as the choice of attention is written into the configuration.
    encoder = copy.deepcopy(checkpoint.model.encoder.transformer.config)
    transformer = AutoModel.from_config(encoder, attn_implementation="eager")
    special = featurizer_of(checkpoint).special
    textbook = Textbook(transformer, special, size=config.embedding_size, block=config.block_size, columns=columns)
    weights = {name.removeprefix("encoder."): weight for name, weight in checkpoint.model.state_dict().items()}
    # The pooler, which atlop leaves out, is the one part of the encoder that no score depends on.
    textbook.load_state_dict({name.replace(".linear", ""): weight for name, weight in weights.items()}, strict=False)
    return textbook.to(device).eval()


def product_of(checkpoint: Checkpoint, *, device: str, precision: str) -> RelationExtractor:
    """Load a checkpoint the way a user loads a model folder."""
    with TemporaryDirectory() as folder:
        save(checkpoint, Path(folder))
        return atlop.load(folder, device=device, precision=precision)
