"""A sweep of tiny models, and rows as a sweep writes them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from atlop.documents import Document, Relation
from atlop.experiments.row import Row
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


@pytest.fixture(scope="session")
def make_row() -> Callable[..., Row]:
    """Make a row whose scores follow from its F1 in points; changes replace fields."""

    def make(name: str = "full", seed: int = 1, points: float = 60.0, **changes: Any) -> Row:
        f1 = points / 100
        shares = {"precision": f1 + 0.05, "recall": f1 - 0.05}
        kinds = {"intra_f1": 0.06, "inter_f1": -0.1, "frequent_f1": 0.03, "long_tail_f1": -0.07, "evidence_f1": -0.2}
        bins = [0.1, 0.3, 0.5, 0.7, 0.9]
        fields: dict[str, Any] = {
            "sweep": "tiny",
            "name": name,
            "seed": seed,
            "settings": {},
            "command": f"atlop train base.yaml --output runs/{name.replace(' ', '-')} --set seed={seed}",
            "date": "2026-11-25",
            "version": "0.1.0 (1234567)",
            "machine": {"processor": "x86_64", "vectors": "AVX2", "cores": 2, "torch": "2.13.0", "precision": "fp32"},
            "minutes": 12.5,
            "parameters": 1000,
            "documents": {"train": 1500, "dev": 500},
            "untuned": {"f1": f1 - 0.03},
            "tuned": {"f1": f1, **shares, "calibration_error": 0.01, "uncalibrated_error": 0.08},
            "per_relation": {"f1": f1 + 0.01},
            "breakdown": {"ign_f1": f1 - 0.02, **{kind: f1 + more for kind, more in kinds.items()}},
            "by_entities": [
                {"entities": label, "documents": 100 * n, "f1": f1 + 0.1 - 0.04 * n}
                for n, label in enumerate(("1-10", "11-15", "16-20", "26+"), start=1)
            ],
            "curve": [(f1 * n / 30, 1 - (n / 30) ** 3 * f1) for n in range(1, 40)],
            "reliability": {
                "before": [{"count": 9, "confidence": c, "right": c**2} for c in bins],
                "after": [{"count": 9, "confidence": c, "right": c * 0.97} for c in bins],
            },
            "history": [
                {"epoch": float(n), "loss": 1 / n, "f1": f1 * (1 - 2**-n) - 0.08 / n, "tuned_f1": f1 * (1 - 2.5**-n)}
                for n in range(1, 9)
            ],
        }
        return Row(**{**fields, **changes})

    return make
