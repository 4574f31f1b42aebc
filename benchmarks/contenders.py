"""The textbook and the product on the same weights and the same documents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoModel, BertConfig

from atlop import Document, RelationExtractor, read
from atlop.checkpoint import Checkpoint, load
from atlop.config import ModelConfig
from atlop.errors import DataError
from atlop.model.relation_model import RelationModel
from benchmarks.textbook import Textbook

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "redocred" / "dev.json"
"""Where the Re-DocRED dev documents are looked for."""

SHAPES = ("minilm", "bert-base")
"""The bundled model, and one of the size of BERT-base with random weights."""


@dataclass(frozen=True)
class Contenders:
    """Two models with equal weights."""

    product: RelationExtractor
    textbook: Textbook


def documents(count: int, path: Path = DATA) -> list[Document]:
    """Give the first documents of Re-DocRED dev.

    Raises:
        DataError: if the file is not there.
    """
    if not path.exists():
        raise DataError(
            "no such file, expected the Re-DocRED dev documents; name another place by --data", file=str(path)
        )
    return read(path)[:count]


def checkpoint_of(shape: str) -> Checkpoint:
    """Give the checkpoint of a shape; both use the bundled tokenizer and labels."""
    bundled = load()
    if shape == "minilm":
        return bundled
    torch.manual_seed(0)
    config = ModelConfig()
    model = RelationModel(AutoModel.from_config(BertConfig()), config, len(bundled.labels))
    return Checkpoint(model, config, bundled.labels, bundled.tokenizer)


def contenders(shape: str, *, precision: str, device: torch.device) -> Contenders:
    """Build both contenders of a shape."""
    checkpoint = checkpoint_of(shape)
    product = RelationExtractor(checkpoint, device=device, precision=precision)
    config, columns = checkpoint.config, len(checkpoint.labels)
    transformer = AutoModel.from_config(checkpoint.model.encoder.transformer.config, attn_implementation="eager")
    size, block = config.embedding_size, config.block_size
    textbook = Textbook(transformer, product.featurizer.special, size=size, block=block, columns=columns)
    weights = {name.removeprefix("encoder."): weight for name, weight in checkpoint.model.state_dict().items()}
    # The pooler, which the product leaves out, is the one part of the encoder that no score depends on.
    textbook.load_state_dict({name.replace(".linear", ""): weight for name, weight in weights.items()}, strict=False)
    return Contenders(product, textbook.to(device).eval())
