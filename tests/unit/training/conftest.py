"""A corpus and a configuration small enough to train on in a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atlop.config import ModelConfig, TrainingConfig
from atlop.documents import Document, Relation
from atlop.formats import write


@pytest.fixture
def corpus(build_document: Callable[..., Document]) -> list[Document]:
    """Four documents with 2, 1, 3 and 4 entities, hence 2, 0, 6 and 12 pairs."""

    def document(title: str, entities: int, *facts: tuple[int, int, str]) -> Document:
        places = [[(0, entity, entity + 1)] for entity in range(entities)]
        relations = tuple(Relation(*fact) for fact in facts)
        return build_document(["Ada wrote to Lovelace ."], *places, title=title, relations=relations)

    return [
        document("two", 2, (0, 1, "P1")),
        document("one", 1),
        document("three", 3, (0, 1, "P1"), (0, 1, "P2"), (2, 0, "P2")),
        document("four", 4, (3, 0, "P1")),
    ]


@pytest.fixture
def corpus_file(corpus: list[Document], tmp_path: Path) -> Path:
    write(corpus, tmp_path / "train.jsonl")
    return tmp_path / "train.jsonl"


@pytest.fixture
def configure(corpus_file: Path, tiny_encoder: Path) -> Callable[..., TrainingConfig]:
    """Make a configuration that trains a tiny model on ``corpus`` for an epoch in fp32; settings replace its own."""

    def make(**settings: Any) -> TrainingConfig:
        sizes = ModelConfig(embedding_size=8, block_size=4, window_overlap=16)
        plain = {"encoder": str(tiny_encoder), "train": corpus_file, "model": sizes, "epochs": 1, "batch_size": 1}
        return TrainingConfig(**{**plain, "precision": "fp32", **settings})

    return make
