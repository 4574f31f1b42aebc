"""A sweep of tiny models."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from atlop.documents import Document, Relation
from atlop.formats import write


@pytest.fixture
def sweep_file(build_document: Callable[..., Document], tiny_encoder: Path, tmp_path: Path) -> Path:
    """Two rows, one with two seeds, on documents whose facts follow from the words."""

    def document(number: int) -> Document:
        chance = random.Random(number)
        words = [chance.choice(["Ada", "Lovelace"]) for _ in range(3)]
        facts = [Relation(0, i, "P1", evidence=(0,)) for i in (1, 2) if words[i] == "Ada"]
        facts += [Relation(i, 0, "P2") for i in (1, 2) if words[i] != "Ada"]
        places = [[(0, 2 * place, 2 * place + 1)] for place in range(3)]
        text = [" wrote ".join(words) + " .", "Ada wrote ."]
        return build_document(text, *places, title=f"Document {number}", relations=tuple(facts))

    write([document(number) for number in range(8)], tmp_path / "train.jsonl")
    write([document(number) for number in range(8, 20)], tmp_path / "dev.jsonl")
    base = {"encoder": str(tiny_encoder), "train": "train.jsonl", "dev": "dev.jsonl", "epochs": 2, "precision": "fp32"}
    base |= {"encoder_learning_rate": 0.01, "head_learning_rate": 0.01}
    base |= {"model": {"embedding_size": 8, "block_size": 4, "window_overlap": 16}}
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base))
    rows = [
        {"name": "full", "seeds": [1, 2], "published": {"f1": 61.1, "source": "a paper"}},
        {"name": "no context", "settings": {"model.context": "none"}, "note": "as an ablation"},
    ]
    plan = {"name": "tiny", "base": "base.yaml", "settings": {"batch_size": 2}, "seeds": [1], "rows": rows}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(plan))
    return tmp_path / "tiny.yaml"
