"""The example of the page on extending the model, as a user would run it."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import atlop
from atlop import parts
from atlop.checkpoint import load
from atlop.config import load_training_config
from atlop.documents import Document, Relation
from atlop.export import export_onnx
from atlop.training import train

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r'```\w+ title="([\w.]+)"\n(.*?)```', PAGE, re.DOTALL))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The files of the page in a folder that Python imports from."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("typed_pooling", None)
    parts._REGISTERED["mention_pooling"].pop("typed", None)


def test_the_example_is_one_short_file() -> None:
    assert len(FILES["typed_pooling.py"].splitlines()) <= 40


@pytest.mark.slow
def test_the_example_trains_predicts_saves_loads_and_exports(
    folder: Path, tiny_encoder: Path, build_document: Callable[..., Document]
) -> None:
    importlib.import_module("typed_pooling")
    places = [[(0, 0, 1, "PER")], [(0, 3, 4, "LOC")]]
    documents = [
        build_document(["Ada wrote to Lovelace ."], *places, relations=(Relation(0, 1, "P1"),), title=f"Letter {i}")
        for i in range(8)
    ]
    atlop.write(documents, "train.json")
    atlop.write(documents, "dev.json")
    small = {"embedding_size": 12, "block_size": 4, "window_overlap": 8}
    settings = {"encoder": str(tiny_encoder), "epochs": 2, "head_learning_rate": 0.01}
    config = load_training_config(
        Path("typed.yaml"), settings | {f"model.{name}": size for name, size in small.items()}
    )
    train(config, Path("run"), device="cpu")
    checkpoint = load("run")
    assert checkpoint.labels.entity_types == ("LOC", "PER")
    types = checkpoint.model.pooling.types.weight
    assert types.shape == (3, 16)
    # The types of the training documents were learned, no other type was.
    assert types[1:].abs().sum(1).gt(0).all()
    assert types[0].eq(0).all()
    extractor = atlop.load("run", device="cpu", precision="fp32")
    (typed,) = extractor.scores(documents[:1])
    others = build_document(["Ada wrote to Lovelace ."], [(0, 0, 1, "X")], [(0, 3, 4, "Y")])
    (untyped,) = extractor.scores([others])
    assert np.abs(typed.logits - untyped.logits).max() > 1e-4
    with torch.no_grad():
        export_onnx(checkpoint, Path("exported"))
    (exported,) = atlop.load("exported").scores(documents[:1])
    np.testing.assert_allclose(exported.logits, typed.logits, atol=1e-4)
