"""What the commands are run on: a folder with a model, documents and a configuration, which is the current folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import Result
from typer.testing import CliRunner

from atlop.checkpoint import Checkpoint, save
from atlop.cli import app
from atlop.documents import Document, Relation
from atlop.formats import write

Run = Callable[..., Result]


@pytest.fixture
def documents(build_document: Callable[..., Document]) -> list[Document]:
    """Three documents, of which the last has one entity and so no pair."""
    places = [[(0, 0, 1)], [(0, 3, 4), (1, 0, 1)], [(1, 2, 3, "LOC")]]
    sentences = ["Ada wrote to Lovelace .", "Love to the letter ."]
    return [
        build_document(sentences, *places, title="first", relations=(Relation(0, 1, "P1"), Relation(2, 0, "P2"))),
        build_document(sentences[:1], *places[:1], [(0, 3, 4)], title="second", relations=(Relation(1, 0, "P1"),)),
        build_document(sentences[:1], *places[:1], title="third"),
    ]


@pytest.fixture
def workplace(
    tiny_checkpoint: Checkpoint,
    tiny_encoder: Path,
    documents: list[Document],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The current folder, with ``model/``, ``documents.jsonl`` and ``run.yaml``, on a machine without a GPU."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    save(tiny_checkpoint, tmp_path / "model")
    write(documents, tmp_path / "documents.jsonl")
    settings = {"encoder": str(tiny_encoder), "train": "documents.jsonl", "dev": "documents.jsonl", "epochs": 1}
    settings |= {"model": {"embedding_size": 12, "block_size": 4, "window_overlap": 16}}
    (tmp_path / "run.yaml").write_text(json.dumps(settings))
    return tmp_path


@pytest.fixture
def run(workplace: Path, one_thread: None) -> Run:
    """Run a command in the workplace; the words of a text are its arguments."""

    def call(arguments: str) -> Result:
        return CliRunner().invoke(app, arguments.split())

    return call
