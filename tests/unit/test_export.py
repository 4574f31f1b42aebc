"""What an export writes, and that nothing is written that scores otherwise; test_onnx.py shows that it predicts."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, DebertaV2Config, ModernBertConfig, PreTrainedConfig, PreTrainedTokenizerBase

from atlop.backends import PairOutput
from atlop.backends.onnx import OnnxBackend
from atlop.backends.pytorch import TorchBackend
from atlop.calibration import Calibration
from atlop.checkpoint import Checkpoint, load
from atlop.config import ModelConfig
from atlop.errors import CheckpointError, MissingExtraError
from atlop.export import example, export_onnx
from atlop.features import Features
from atlop.labels import LabelMap
from atlop.model.relation_model import RelationModel

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_folder_holds_graphs_in_place_of_weights(exported: Path) -> None:
    assert sorted(str(path.relative_to(exported)) for path in exported.rglob("*") if path.is_file()) == [
        "atlop.json",
        "calibration.json",
        "contexts.onnx",
        "encoder.onnx",
        "encoder/config.json",
        "encoder/tokenizer.json",
        "encoder/tokenizer_config.json",
        "entities.onnx",
        "labels.json",
        "pairs.onnx",
    ]


def test_the_window_is_written_down_and_all_else_stays(exported: Path, tiny_checkpoint: Checkpoint) -> None:
    settings = json.loads((exported / "atlop.json").read_text())
    assert settings["format"] == 1
    assert (tiny_checkpoint.config.window, settings["model"].pop("window")) == (None, 64)
    assert settings["model"].pop("heads") == []
    assert settings["model"].items() <= vars(tiny_checkpoint.config).items()


def test_no_size_is_fixed_but_those_of_the_model(exported: Path) -> None:
    backend = OnnxBackend(exported)
    fixed = {
        part.name: sizes
        for graph in (backend._encoder, backend._entities, backend._contexts, backend._pairs)
        for part in graph.get_inputs()
        if (sizes := [size for size in part.shape if isinstance(size, int)])
    }
    # One document; width 16; 2 heads of attention; two entities of a pair.
    widths = {name: [16] for name in ("windows", "states", "embeddings", "contexts")}
    widths |= {name: [2] for name in ("rows", "attention", "firsts")}
    assert fixed.items() <= {"coverage": [1], **widths, "pairs": [2]}.items()


@pytest.mark.slow
def test_the_other_parts_of_a_model_export_too(make_checkpoint: Callable[..., Checkpoint], tmp_path: Path) -> None:
    checkpoint = make_checkpoint(context="none", mention_pooling="mean", thresholding="global", window=40)
    export_onnx(checkpoint, tmp_path)
    backend = OnnxBackend(tmp_path)
    assert backend.window == 40
    document = example(backend.tokenizer, length=90, window=40, entities=[[1, 50], [30], [70]])
    ((found,),), ((expected,),) = (list(each.scores([[document]])) for each in (backend, TorchBackend(checkpoint)))
    assert not found.logits[:, 0].any()
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-4)
    assert found.evidence is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "parts",
    [
        {"mention_pooling": "max", "interaction": "reverse", "thresholding": "weighted-softmax"},
        {"mention_pooling": "logsumexp-typed", "interaction": "reverse", "thresholding": "global"},
        {"thresholding": "adaptive-bce"},
    ],
    ids=["max", "typed", "bce"],
)
def test_parts_beyond_the_paper_export_too(
    make_checkpoint: Callable[..., Checkpoint], tmp_path: Path, parts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = make_checkpoint(Calibration(0.25, curve=((-1, 0.25), (2, 0.75))), **parts)
    # Weights that are 0 where training starts.
    for name, weight in checkpoint.model.named_parameters():
        if name.startswith(("interaction.", "pooling.")):
            torch.nn.init.normal_(weight)
    monkeypatch.setattr("atlop.backends.onnx.EXPORTED_PAIRS", 2)  # pairs of one block depend on those of others
    export_onnx(checkpoint, tmp_path)
    backend = OnnxBackend(tmp_path)
    assert backend.calibration == checkpoint.calibration
    assert (tmp_path / "interaction.onnx").exists() == ("interaction" in parts)
    whole = example(backend.tokenizer, length=90, window=64, entities=[[1, 50], [30], [], [70]])
    # Of some pairs the reverse is not scored.
    some = dataclasses.replace(whole, pairs=whole.pairs[[5, 0, 3, 8]])
    for document in (whole, some):
        ((found,),), ((expected,),) = (list(each.scores([[document]])) for each in (backend, TorchBackend(checkpoint)))
        np.testing.assert_allclose(found.logits, expected.logits, atol=1e-4)


SIZES: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        # One that hands out whole maps of attention, and one whose attention is local in some layers.
        DebertaV2Config(**SIZES, max_position_embeddings=64, relative_attention=True, pos_att_type=["p2c", "c2p"]),
        ModernBertConfig(**SIZES, max_position_embeddings=64, local_attention=8, pad_token_id=0, sep_token_id=3),
    ],
    ids=["deberta", "modernbert"],
)
def test_other_kinds_of_encoders_export_too(
    config: PreTrainedConfig, tiny_tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    """That the graphs give the scores of the model is a condition of their being written."""
    settings, labels = ModelConfig(embedding_size=12, block_size=4, window_overlap=16), LabelMap(("P1", "P2"))
    config.vocab_size = len(tiny_tokenizer)
    model = RelationModel(AutoModel.from_config(config), settings, len(labels))
    export_onnx(Checkpoint(model, settings, labels, tiny_tokenizer), tmp_path)
    assert OnnxBackend(tmp_path).labels == labels


def test_an_exported_model_is_no_model_to_train_on(exported: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        load(exported)
    expected = "is an exported model, which only predicts; expected the model it was exported from"
    assert str(caught.value) == f"{exported}: {expected}"


@pytest.mark.parametrize(("shift", "shown"), [(0.5, "0.5"), (np.nan, "nan")])
def test_a_model_that_would_score_otherwise_is_not_written(
    exported: Path,
    tiny_checkpoint: Checkpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shift: float,
    shown: str,
) -> None:
    scores = OnnxBackend.scores

    def shifted(self: OnnxBackend, batches: list[list[Features]]) -> Iterator[list[PairOutput]]:
        for outputs in scores(self, batches):
            yield [output._replace(logits=output.logits + np.float32(shift)) for output in outputs]

    monkeypatch.setattr(OnnxBackend, "scores", shifted)
    monkeypatch.setattr("atlop.export._write_graphs", lambda _, folder: copy_graphs(exported, folder))
    with pytest.raises(CheckpointError) as caught:
        export_onnx(tiny_checkpoint, tmp_path)
    expected = f"the exported logits differ from the model's by {shown}, expected at most 0.001"
    assert str(caught.value) == f"encoder BertModel: {expected}"
    assert not list(tmp_path.iterdir())


def copy_graphs(source: Path, folder: Path) -> None:
    for name in ("encoder.onnx", "entities.onnx", "contexts.onnx", "pairs.onnx"):
        (folder / name).write_bytes((source / name).read_bytes())


def test_a_model_that_torch_cannot_export_is_told(
    tiny_checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise torch.onnx.errors.OnnxExporterError("Failed.\nMuch advice.") from ValueError(
            "no such operator\nat line 1"
        )

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(CheckpointError) as caught:
        export_onnx(tiny_checkpoint, tmp_path)
    assert str(caught.value) == "encoder.onnx: torch cannot export this part of the model: no such operator"
    assert not list(tmp_path.iterdir())


def test_a_failure_without_a_message_is_named(
    tiny_checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise torch.onnx.errors.OnnxExporterError("Failed.") from AssertionError()

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(CheckpointError) as caught:
        export_onnx(tiny_checkpoint, tmp_path)
    assert str(caught.value) == "encoder.onnx: torch cannot export this part of the model: AssertionError"


@pytest.mark.parametrize("name", ["onnx", "onnxscript", "onnxruntime"])
def test_the_extra_is_named_where_a_package_is_missing(
    tiny_checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError) as caught:
        export_onnx(tiny_checkpoint, tmp_path / "new")
    assert str(caught.value) == "export to ONNX needs packages that are not installed: pip install 'atlop[onnx]'"
    assert not (tmp_path / "new").exists()
