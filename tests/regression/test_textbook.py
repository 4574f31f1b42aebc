"""The baseline of the benchmarks computes the reference outputs, like atlop."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from benchmarks.textbook import Textbook, batches
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel

from atlop import read
from atlop.features import Featurizer
from atlop.reference import load_reference


@pytest.mark.parametrize("encoder", ["bert", "roberta"])
def test_the_textbook_computes_the_reference_logits(shared: Path, encoder: str) -> None:
    folder = shared / "golden" / encoder
    checkpoint = load_reference(folder, folder / "reference.pt", shared / "data/docred/rel2id.json")
    featurizer = Featurizer(
        checkpoint.tokenizer, checkpoint.config, checkpoint.model.encoder.window, labels=checkpoint.labels
    )
    features = [featurizer(document) for document in read(folder / "documents.json")]
    transformer = AutoModel.from_config(AutoConfig.from_pretrained(folder), attn_implementation="eager")
    model = Textbook(transformer, featurizer.special, size=128, block=32, columns=97).eval()
    weights = {name.removeprefix("encoder."): weight for name, weight in checkpoint.model.state_dict().items()}
    model.load_state_dict({name.replace(".linear", ""): weight for name, weight in weights.items()}, strict=False)
    expected = load_file(folder / "expected.safetensors")
    with torch.inference_mode():
        logits = torch.cat([model(batch) for batch in batches(features, 8)])
    for place, rows in enumerate(logits.split([len(document.pairs) for document in features])):
        row = {tuple(pair): index for index, pair in enumerate(features[place].pairs.tolist())}
        order = [row[tuple(pair)] for pair in expected[f"{place}.pairs"].tolist()]
        assert (rows[order] - expected[f"{place}.logits"]).abs().max() < 1e-3
