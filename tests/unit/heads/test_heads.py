"""What a head can ask for, and what becomes of what it computes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from atlop import parts
from atlop.backends.pytorch import TorchBackend
from atlop.batches import collate
from atlop.checkpoint import Checkpoint, load, save
from atlop.documents import Document
from atlop.errors import ConfigError
from atlop.extractor import RelationExtractor
from atlop.features import Features
from atlop.heads import Head
from atlop.model.attention import attention_rows
from atlop.model.relation_model import RelationOutput
from atlop.parts import Sizes, register
from atlop.windows import SpecialSubwords

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def curious() -> Iterator[None]:
    """A head that asks for everything, registered for one test."""

    @register("heads", "curious")
    class Curious(Head):
        needs = frozenset({"sentences", "projections", "all_documents"})

        def __init__(self, sizes: Sizes) -> None:
            super().__init__()
            self.linear = nn.Linear(sizes.width, 1)

        def forward(self, output: RelationOutput) -> dict[str, Any]:
            return {"words": self.linear(output.encoded.states), "output": output}

        def loss(self, found: dict[str, Any], output: RelationOutput) -> Tensor:
            return found["words"].square().mean()

    yield
    del parts._REGISTERED["heads"]["curious"]


@pytest.fixture
def features(make_features: Callable[..., Features]) -> list[Features]:
    return [
        make_features(24, [[1, 13], [20]], columns=4, seed=1),
        make_features(9, columns=4, seed=2),
        make_features(12, [[3], [6]], columns=4, seed=3),
    ]


def test_a_head_is_given_what_it_needs(
    make_checkpoint: Callable[..., Checkpoint], features: list[Features], special: SpecialSubwords
) -> None:
    model, batch = make_checkpoint(heads=["curious"]).model, collate(features, special, 0).to("cpu")
    output = model(batch)
    assert output.heads["curious"]["words"].shape == (3, 24, 1)
    by_sentence = output.contexts.by_sentence
    # Two unordered pairs; 24 subwords are five sentences.
    assert by_sentence.shape == (2, 5)
    assert (by_sentence.sum(1) < 1).all()
    assert sorted(window for windows, _ in output.encoded.projections for window in windows) == [0, 1, 2, 3]
    # The rows of mention starts, computed after the pass, are those that the model pooled.
    for windows, projections in output.encoded.projections:
        length = projections.query.shape[2]
        mask = batch.attention_mask[windows, None, None, :length].bool().expand(-1, 1, length, -1)
        rows = attention_rows(projections, mask, batch.row_positions[windows])
        states_of = batch.row_places // batch.row_positions.shape[1]
        for place, window in enumerate(windows):
            seen = (states_of == window).nonzero().flatten().tolist()
            for column, row in enumerate(seen):
                mention = int(batch.row_mentions[row])
                if not batch.mention_split[mention]:
                    found = rows[place, :, column, : len(features[2].input_ids)]
                    torch.testing.assert_close(found, output.encoded.attention[mention][:, : found.shape[1]])


def test_without_heads_nothing_of_it_is_kept(
    make_checkpoint: Callable[..., Checkpoint], features: list[Features], special: SpecialSubwords
) -> None:
    output = make_checkpoint().model(collate(features, special, 0).to("cpu"))
    assert (output.heads, output.encoded.projections, output.contexts.by_sentence) == ({}, (), None)


def test_the_loss_of_a_head_is_added(
    make_checkpoint: Callable[..., Checkpoint], features: list[Features], special: SpecialSubwords
) -> None:
    model, batch = make_checkpoint(heads=["curious"]).model, collate(features, special, 0).to("cpu")
    output = model(batch)
    assert batch.labels is not None
    own = model.thresholding.loss(output.logits, batch.labels)
    torch.testing.assert_close(model.loss(output, batch.labels), own + output.heads["curious"]["words"].square().mean())


def test_documents_without_pairs_are_predicted_without_the_model(
    make_checkpoint: Callable[..., Checkpoint], build_document: Callable[..., Document]
) -> None:
    documents = [build_document(["Ada wrote ."], title="alone"), build_document(["."], title="empty")]
    for heads in [], ["curious"]:
        checkpoint, seen = make_checkpoint(heads=heads), []
        checkpoint.model.register_forward_pre_hook(lambda _, given, seen=seen: seen.extend(given[0].pair_counts))
        predicted = RelationExtractor(TorchBackend(checkpoint)).predict(documents)
        assert [document.relations for document in predicted] == [(), ()]
        assert not seen


def test_a_head_without_weights_starts_anew_and_says_so(
    make_checkpoint: Callable[..., Checkpoint], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(make_checkpoint(), tmp_path)
    settings = (tmp_path / "atlop.json").read_text(encoding="utf-8")
    (tmp_path / "atlop.json").write_text(settings.replace('"heads": []', '"heads": ["curious"]'), encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        checkpoint = load(tmp_path)
    assert [record.getMessage() for record in caplog.records] == [
        "the model has no weights for the head 'curious': it is initialized at random and must be trained"
    ]
    assert checkpoint.model.heads["curious"].linear.weight.isfinite().all()
    assert checkpoint.model.heads["curious"].linear.weight.abs().sum() > 0
    save(checkpoint, tmp_path)
    caplog.clear()
    again = load(tmp_path)
    assert not caplog.records
    assert again.model.heads["curious"].linear.weight.equal(checkpoint.model.heads["curious"].linear.weight)


def test_a_part_that_is_not_registered_is_refused(make_checkpoint: Callable[..., Checkpoint]) -> None:
    with pytest.raises(ConfigError) as caught:
        make_checkpoint(heads=["missing"], mention_pooling="typed")
    names = "logsumexp, mean, max, logsumexp-typed"
    expected = f"one of {names}, or another part that is registered as mention_pooling"
    assert caught.value.mistakes == (
        f"mention_pooling: got 'typed' (str), expected {expected}",
        "heads: got ('missing',) (tuple), expected a list of parts that are registered as heads, each once",
    )
