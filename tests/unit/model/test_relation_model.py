"""The whole model: equal to the formulas stage by stage, in every combination of its parts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor

from atlop import batches
from atlop.batches import Batch, collate
from atlop.checkpoint import Checkpoint
from atlop.documents import Document, Relation
from atlop.features import Featurizer
from atlop.model import relation_model
from atlop.model.pairs import pool_entities

pytestmark = pytest.mark.usefixtures("one_thread")

BuildDocument = Callable[..., Document]
MakeCheckpoint = Callable[..., Checkpoint]


@pytest.fixture
def documents(build_document: BuildDocument) -> list[Document]:
    """One document longer than a window, one with a self-pair among its candidates, and two without a pair."""
    relations = (Relation(0, 1, "P1"), Relation(0, 1, "P3"), Relation(2, 0, "P2"))
    long = ["Ada wrote to Lovelace ."] * 26
    return [
        build_document(long, [(0, 0, 1), (9, 0, 1)], [(0, 3, 4)], [(25, 3, 4)], relations=relations, title="long"),
        build_document(["Ada wrote ."], [(0, 0, 1)], title="one entity"),
        build_document(["the Ada wrote"], [(0, 1, 2)], [(0, 0, 2)], candidates=((1, 0), (0, 0)), title="self-pair"),
        build_document(["."], title="no entity"),
    ]


def batch_of(checkpoint: Checkpoint, documents: list[Document]) -> Batch[Tensor]:
    model, labels = checkpoint.model, checkpoint.labels
    featurizer = Featurizer(checkpoint.tokenizer, checkpoint.config, model.encoder.window, labels=labels)
    return collate([featurizer(document, labelled=True) for document in documents], featurizer.special, 0).to("cpu")


def textbook(checkpoint: Checkpoint, batch: Batch[Tensor]) -> Tensor:
    """Equations 3 to 5 and 8 to 10, pair by pair, on what the encoder gives."""
    model, config, rows = checkpoint.model, checkpoint.config, []
    encoded = model.encoder(batch)
    entities = pool_entities(encoded, batch, model.pooling)
    document_of = [d for d, count in enumerate(batch.pair_counts) for _ in range(count)]
    for d, (head, tail) in zip(document_of, batch.pairs.tolist(), strict=True):
        weights = (entities.attention[head] * entities.attention[tail]).mean(0)
        context = (weights / (weights.sum() + 1e-5)) @ encoded.states[d]
        parts = [context] if config.context == "localized" else []
        left = model.head.linear(torch.cat([entities.embeddings[head], *parts])).tanh()
        right = model.tail.linear(torch.cat([entities.embeddings[tail], *parts])).tanh()
        groups = zip(left.split(config.block_size), right.split(config.block_size), strict=True)
        products = torch.cat([torch.outer(one, other).flatten() for one, other in groups])
        rows.append(model.bilinear.linear(products))
    return torch.stack(rows)


def test_the_documents_are_as_varied_as_they_should_be(
    make_checkpoint: MakeCheckpoint, documents: list[Document]
) -> None:
    batch = batch_of(make_checkpoint(), documents)
    assert batch.pair_counts == [6, 0, 2, 0]
    assert batch.mention_split.tolist() == [True] * 4 + [False] * 3


@torch.no_grad()
@pytest.mark.parametrize("pooling", ["logsumexp", "mean", "max", "logsumexp-typed"])
@pytest.mark.parametrize("context", ["localized", "none"])
@pytest.mark.parametrize("block", [1, 4, 12])
def test_logits_are_those_of_the_textbook(
    make_checkpoint: MakeCheckpoint, documents: list[Document], pooling: str, context: str, block: int
) -> None:
    checkpoint = make_checkpoint(mention_pooling=pooling, context=context, block_size=block)
    batch = batch_of(checkpoint, documents)
    logits = checkpoint.model(batch).logits
    assert logits.shape == (8, 4)
    torch.testing.assert_close(logits, textbook(checkpoint, batch), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_global_threshold_sets_its_column_to_zero_and_leaves_the_rest(
    make_checkpoint: MakeCheckpoint, documents: list[Document]
) -> None:
    adaptive, other = make_checkpoint(), make_checkpoint(thresholding="global")
    batch = batch_of(adaptive, documents)
    logits = other.model(batch).logits
    assert logits[:, 0].eq(0).all()
    assert logits[:, 1:].equal(adaptive.model(batch).logits[:, 1:])


COMBINATIONS = list(
    product(("shared", "each", "none"), ("logsumexp", "mean"), ("localized", "none"), ("adaptive", "global"))
)
COMBINATIONS += product(("shared",), ("max", "logsumexp-typed"), ("localized",), ("adaptive-bce", "weighted-softmax"))


@pytest.mark.parametrize(("markers", "pooling", "context", "thresholding"), COMBINATIONS)
def test_every_combination_of_parts_learns(
    make_checkpoint: MakeCheckpoint,
    documents: list[Document],
    markers: str,
    pooling: str,
    context: str,
    thresholding: str,
) -> None:
    checkpoint = make_checkpoint(markers=markers, mention_pooling=pooling, context=context, thresholding=thresholding)
    model, batch = checkpoint.model.train(), batch_of(checkpoint, documents)
    output = model(batch)
    assert batch.labels is not None
    loss = model.loss(output, batch.labels)
    loss.backward()
    assert output.logits.shape == batch.labels.shape == (8, 4)
    assert loss.isfinite()
    assert loss > 0
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []
    assert all(weight.grad.isfinite().all() for weight in model.parameters() if weight.grad is not None)


@torch.no_grad()
def test_pairs_in_portions_score_the_same(
    make_checkpoint: MakeCheckpoint, documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = make_checkpoint()
    batch = batch_of(checkpoint, documents)
    whole = checkpoint.model(batch).logits
    monkeypatch.setattr(relation_model, "PAIRS", 3)
    monkeypatch.setattr(batches, "CONTEXT_WEIGHTS", 1)
    parts = batch_of(checkpoint, documents)
    assert len(parts.context_blocks) > len(batch.context_blocks)
    torch.testing.assert_close(checkpoint.model(parts).logits, whole, atol=1e-6, rtol=0)


@torch.no_grad()
def test_large_blocks_are_scored_a_few_pairs_at_a_time(
    make_checkpoint: MakeCheckpoint, documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relation_model, "PAIRS", 6)
    monkeypatch.setattr(relation_model, "BILINEAR_PRODUCTS", 6 * 4**2)
    for block, sizes in {1: [6, 2], 4: [6, 2], 6: [2, 2, 2, 2], 12: [1] * 8}.items():
        checkpoint, seen = make_checkpoint(block_size=block), list[int]()
        model, batch = checkpoint.model, batch_of(checkpoint, documents)
        model.bilinear.register_forward_pre_hook(lambda _, given, seen=seen: seen.append(len(given[0])))
        torch.testing.assert_close(model(batch).logits, textbook(checkpoint, batch), atol=1e-5, rtol=1e-5)
        assert seen == sizes


def test_pairs_in_portions_teach_the_same(
    make_checkpoint: MakeCheckpoint, documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    gradients = []
    for at_once in (4096, 3):
        monkeypatch.setattr(relation_model, "PAIRS", at_once)
        checkpoint = make_checkpoint()
        batch = batch_of(checkpoint, documents)
        assert batch.labels is not None
        checkpoint.model.loss(checkpoint.model(batch), batch.labels).backward()
        gradients.append({name: weight.grad for name, weight in checkpoint.model.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_document_scores_the_same_alone_and_in_a_batch(
    make_checkpoint: MakeCheckpoint, documents: list[Document]
) -> None:
    checkpoint = make_checkpoint()
    alone = [checkpoint.model(batch_of(checkpoint, [document])).logits for document in documents]
    assert [len(logits) for logits in alone] == [6, 0, 2, 0]
    together = checkpoint.model(batch_of(checkpoint, documents)).logits
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=0)


@torch.no_grad()
def test_scores_come_in_the_order_of_the_pairs(make_checkpoint: MakeCheckpoint, build_document: BuildDocument) -> None:
    checkpoint, listed = make_checkpoint(), [(0, 1), (2, 0), (1, 0), (1, 2)]
    sentences, entities = ["Ada wrote to the"], [[(0, 0, 1)], [(0, 2, 3)], [(0, 3, 4)]]
    forwards, backwards = (
        checkpoint.model(batch_of(checkpoint, [build_document(sentences, *entities, candidates=order)])).logits
        for order in (tuple(listed), tuple(reversed(listed)))
    )
    torch.testing.assert_close(backwards.flip(0), forwards, atol=1e-6, rtol=0)
    assert not forwards[0].equal(forwards[2])


@torch.no_grad()
def test_a_pair_whose_windows_do_not_meet_is_judged_by_its_two_entities_alone(
    make_checkpoint: MakeCheckpoint, documents: list[Document]
) -> None:
    checkpoint = make_checkpoint()
    model, batch = checkpoint.model, batch_of(checkpoint, documents[:1])
    encoded = model.encoder(batch)
    embeddings = pool_entities(encoded, batch, model.pooling).embeddings
    # The second entity stands in the first window, the third in the last.
    place = batch.pairs.tolist().index([1, 2])
    width = embeddings.shape[1]
    head = (model.head.linear.weight[:, :width] @ embeddings[1] + model.head.linear.bias).tanh()
    tail = (model.tail.linear.weight[:, :width] @ embeddings[2] + model.tail.linear.bias).tanh()
    torch.testing.assert_close(model(batch).logits[place], model.bilinear(head[None], tail[None])[0], atol=1e-5, rtol=0)
