"""An exported model against torch, with its pairs in blocks of every size, and what a broken folder is told."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlop import batches
from atlop.backends import PairOutput, load_backend
from atlop.backends import onnx as module
from atlop.backends.onnx import OnnxBackend
from atlop.backends.pytorch import TorchBackend
from atlop.checkpoint import Checkpoint
from atlop.documents import Document
from atlop.errors import AtlopError, CheckpointError, MissingExtraError
from atlop.features import Features, Featurizer
from atlop.labels import LabelMap

pytestmark = pytest.mark.usefixtures("one_thread")

BuildDocument = Callable[..., Document]


@pytest.fixture(scope="module")
def backend(exported: Path) -> OnnxBackend:
    """The exported model, ready to score."""
    return OnnxBackend(exported)


@pytest.fixture
def features(backend: OnnxBackend, build_document: BuildDocument) -> list[Features]:
    """A document of several windows, a short one, one of listed pairs, and one whose mentions were all cut off."""
    featurizer = Featurizer(backend.tokenizer, backend.config, backend.window, labels=backend.labels)
    long = ["Ada wrote to Lovelace ."] * 26
    entities = [[(0, 0, 1), (9, 0, 1)], [(0, 3, 4)], [(25, 3, 4)], [(12, 1, 2)]]
    few = [[(0, 0, 1)], [(0, 3, 4)]]
    documents = [
        build_document(long, *entities),
        build_document(long[:1], *few),
        build_document(long[:1], *few, candidates=((1, 0), (0, 0))),
    ]
    nothing = np.zeros(0, np.int64)
    cut = replace(featurizer(documents[1]), mention_starts=nothing, mention_entity=nothing)
    return [*map(featurizer, documents), cut]


def torch_scores(checkpoint: Checkpoint, features: list[Features]) -> list[PairOutput]:
    backend = TorchBackend(checkpoint)
    return [output for (output,) in backend.scores([[document] for document in features])]


def test_the_documents_are_as_varied_as_they_should_be(features: list[Features]) -> None:
    assert [len(document.windows) for document in features] == [4, 1, 1, 1]
    assert [len(document.pairs) for document in features] == [12, 2, 2, 2]
    assert [len(document.mention_starts) for document in features] == [5, 2, 2, 0]


@pytest.mark.parametrize(("pairs", "weights"), [(256, 2**24), (1, 2**24), (4, 2**24), (256, 1), (4, 2 * 4 * 168)])
def test_logits_and_evidence_are_those_of_torch(
    backend: OnnxBackend,
    make_checkpoint: Callable[..., Checkpoint],
    features: list[Features],
    monkeypatch: pytest.MonkeyPatch,
    pairs: int,
    weights: int,
) -> None:
    checkpoint = make_checkpoint(heads=["evidence"])  # a head without weights
    expected = torch_scores(checkpoint, features)
    monkeypatch.setattr(backend, "config", checkpoint.config)
    monkeypatch.setattr(module, "EXPORTED_PAIRS", pairs)
    monkeypatch.setattr(batches, "CONTEXT_WEIGHTS", weights)
    for found, wanted in zip(*backend.scores([features]), expected, strict=True):
        assert found.logits.dtype == np.float32
        np.testing.assert_allclose(found.logits, wanted.logits, atol=1e-4)
        assert found.evidence is not None
        assert wanted.evidence is not None
        np.testing.assert_allclose(found.evidence, wanted.evidence, atol=1e-4)


@pytest.mark.parametrize(("pairs", "weights"), [(256, 2**24), (4, 2**24), (256, 2 * 4 * 168)])
def test_windows_contexts_and_pairs_are_computed_in_parts_of_bounded_size(
    backend: OnnxBackend, features: list[Features], monkeypatch: pytest.MonkeyPatch, pairs: int, weights: int
) -> None:
    """The first document has 168 subwords, 4 entities and 6 unordered pairs, of which 3 and 2 begin with the first."""
    monkeypatch.setattr(module, "EXPORTED_PAIRS", pairs)
    monkeypatch.setattr(batches, "CONTEXT_WEIGHTS", weights)
    run, seen = module._run, dict[str, list[int]]()

    def watched(session: Any, arrays: dict[str, Any]) -> Any:
        kind = next((name for name in ("contexts", "firsts", "windows") if name in arrays), "input_ids")
        seen.setdefault(kind, []).append(len(arrays[kind]))
        return run(session, arrays)

    monkeypatch.setattr(module, "_run", watched)
    assert len(features[0].input_ids) == 168
    list(backend.scores([features[:1]]))
    firsts = {2**24: [4], 2 * 4 * 168: [2, 2]}
    contexts = {256: [6], 4: [4, 2]}
    assert seen == {"input_ids": [1] * 4, "windows": [4], "firsts": firsts[weights], "contexts": contexts[pairs]}


def test_says_what_the_checkpoint_says(backend: OnnxBackend, tiny_checkpoint: Checkpoint) -> None:
    assert backend.labels == tiny_checkpoint.labels
    assert backend.tokenizer("Ada wrote")["input_ids"] == tiny_checkpoint.tokenizer("Ada wrote")["input_ids"]
    assert (backend.window, backend.config.embedding_size) == (64, 12)


@pytest.mark.parametrize("device", ["auto", "cpu"])
@pytest.mark.parametrize("precision", ["auto", "fp32"])
def test_an_exported_folder_is_told_by_its_graphs(exported: Path, device: str, precision: str) -> None:
    assert isinstance(load_backend(exported, device=device, precision=precision), OnnxBackend)


@pytest.mark.parametrize(
    ("device", "precision", "message"),
    [
        ("cuda", "fp32", "device: got 'cuda', expected auto or cpu, as an exported model runs on a CPU"),
        ("cpu", "bf16", "precision: got 'bf16', expected auto or fp32, which an exported model computes in"),
    ],
)
def test_what_an_exported_model_cannot_do_is_told(exported: Path, device: str, precision: str, message: str) -> None:
    with pytest.raises(AtlopError) as caught:
        load_backend(exported, device=device, precision=precision)
    assert str(caught.value) == message


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy of the exported folder, to break."""
    return shutil.copytree(exported, tmp_path / "model")


def failure(folder: Path) -> str:
    """The message with which loading fails; the path of the folder reads ``model``."""
    with pytest.raises(CheckpointError) as caught:
        OnnxBackend(folder)
    return str(caught.value).replace(str(folder), "model")


@pytest.mark.parametrize("name", ["encoder.onnx", "entities.onnx", "contexts.onnx", "pairs.onnx"])
def test_a_missing_graph_is_told(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert failure(folder) == f"model/{name}: no such file, expected one in every exported model"


def test_a_graph_cut_short_is_told(folder: Path) -> None:
    (folder / "pairs.onnx").write_bytes((folder / "pairs.onnx").read_bytes()[:1000])
    assert failure(folder).startswith("model/pairs.onnx: onnxruntime cannot load the graph: ")


def test_a_label_map_that_does_not_fit_the_graph_is_told(folder: Path) -> None:
    (folder / "labels.json").write_text(json.dumps(LabelMap(("P1", "P2")).to_json()))
    assert failure(folder) == "model/pairs.onnx: scores 4 columns, but the label map has 3"


def test_a_folder_without_its_window_is_told(folder: Path) -> None:
    settings = json.loads((folder / "atlop.json").read_text())
    settings["model"]["window"] = None
    (folder / "atlop.json").write_text(json.dumps(settings))
    assert failure(folder) == "model/atlop.json: model.window: got null, expected a number, as every export has one"


def test_the_extra_is_named_where_onnxruntime_is_missing(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError) as caught:
        OnnxBackend(exported)
    expected = "an exported model needs packages that are not installed: pip install 'atlop[onnx]'"
    assert str(caught.value) == expected


def test_only_the_graph_that_sums_runs_on_one_thread(backend: OnnxBackend) -> None:
    """On two, the reference of RoBERTa lost a sum in every tenth run; this model is too small to show it."""
    sessions = [backend._encoder, backend._entities, backend._pairs]
    assert [session.get_session_options().intra_op_num_threads for session in sessions] == [0, 1, 0]
