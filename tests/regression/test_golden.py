"""What the published implementation gives for its own weights, through the road that a user takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from atlop.backends.onnx import OnnxBackend
from atlop.backends.pytorch import TorchBackend
from atlop.batches import Batch, collate
from atlop.checkpoint import Checkpoint
from atlop.decoding import decode
from atlop.documents import Document
from atlop.export import export_onnx
from atlop.extractor import PairScores, RelationExtractor
from atlop.formats import read
from atlop.model.pairs import pool_entities
from atlop.model.scores import AdaptiveThreshold
from atlop.parts import Sizes
from atlop.reference import load_reference

pytestmark = pytest.mark.usefixtures("one_thread")

ASKED, OWN = 1e-3, 1e-4
"""How far a logit may be from the reference: what the project promises, and what it holds itself to."""
MARGIN = 2e-3
"""How far from its threshold a logit must be for its label to be compared."""


@dataclass(frozen=True)
class Reference:
    """One folder of reference outputs, and the extractor of its weights."""

    name: str
    checkpoint: Checkpoint
    extractor: RelationExtractor
    documents: list[Document]
    expected: dict[str, Tensor]

    def __iter__(self) -> Iterator[tuple[Document, dict[str, Tensor]]]:
        for i, document in enumerate(self.documents):
            start = f"{i}."
            own = {name[len(start) :]: tensor for name, tensor in self.expected.items() if name.startswith(start)}
            yield document, own


@pytest.fixture(scope="module", params=["bert", "roberta", "cdr"])
def reference(request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    folder = shared / "golden" / request.param
    labels = shared / "data/docred/rel2id.json"
    if request.param == "cdr":
        labels = tmp_path_factory.mktemp("cdr") / "rel2id.json"
        labels.write_text(json.dumps({"1:NR:2": 0, "1:CID:2": 1}), encoding="utf-8")
    checkpoint = load_reference(folder, folder / "reference.pt", labels)
    documents = read(folder / ("documents.data" if request.param == "cdr" else "documents.json"))
    expected = load_file(folder / "expected.safetensors")
    extractor = RelationExtractor(TorchBackend(checkpoint))
    return Reference(request.param, checkpoint, extractor, documents, expected)


def one_by_one(reference: Reference) -> list[PairScores]:
    return [scores for document in reference.documents for scores in reference.extractor.scores([document])]


def order_of(pairs: NDArray[np.int64], wanted: Tensor) -> list[int]:
    """Our row of each pair of the reference, which lists pairs with a relation first."""
    rows = {(head, tail): row for row, (head, tail) in enumerate(pairs.tolist())}
    order = [rows[head, tail] for head, tail in wanted.tolist()]
    assert sorted(order) == list(range(len(pairs)))
    return order


def assert_logits(reference: Reference, scores: list[PairScores]) -> None:
    assert len(scores) == len(reference.documents)
    for found, (document, expected) in zip(scores, reference, strict=True):
        assert found.title == document.title
        logits = torch.from_numpy(found.logits)[order_of(found.pairs, expected["pairs"])]
        worst = (logits - expected["logits"]).abs().max().item()
        assert worst <= ASKED, f"document {document.title!r}: a logit differs by {worst}"
        assert worst <= OWN, f"document {document.title!r}: a logit differs by {worst}, more than we allow ourselves"


def test_every_document_of_the_reference_is_read(reference: Reference) -> None:
    assert len(reference.documents) == {"bert": 10, "roberta": 10, "cdr": 40}[reference.name]


def test_input_ids_are_equal(reference: Reference) -> None:
    for document, expected in reference:
        features = reference.extractor.featurizer(document)
        assert features.input_ids.tolist() == expected["input_ids"].tolist(), document.title


@pytest.mark.parametrize("reference", ["bert", "roberta"], indirect=True)
def test_some_documents_need_two_windows_and_one_is_cut(reference: Reference) -> None:
    """Else the other tests would show less than they seem to."""
    lengths = [len(expected["input_ids"]) for _, expected in reference]
    assert sum(length > 512 for length in lengths) >= 2
    assert min(lengths) < 512
    assert max(lengths) == 1024


def test_logits_are_equal_one_document_at_a_time(reference: Reference) -> None:
    assert_logits(reference, one_by_one(reference))


def test_logits_are_equal_with_all_documents_in_one_batch(
    reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference.extractor.backend, "batch_subwords", 10**9)
    assert_logits(reference, list(reference.extractor.scores(reference.documents)))


def batch_of(reference: Reference, document: Document) -> Batch[Tensor]:
    featurizer, checkpoint = reference.extractor.featurizer, reference.checkpoint
    features = featurizer(document, labelled=True)
    return collate([features], featurizer.special, checkpoint.tokenizer.pad_token_id or 0).to("cpu")


@torch.no_grad()
@pytest.mark.parametrize("reference", ["bert", "roberta"], indirect=True)
def test_contexts_of_the_first_eight_pairs_are_equal(reference: Reference) -> None:
    model = reference.checkpoint.model.eval()
    for document, expected in reference:
        batch = batch_of(reference, document)
        encoded = model.encoder(batch)
        contexts = model.context(encoded, pool_entities(encoded, batch, model.pooling), batch).pooled
        order = order_of(batch.pairs.numpy(), expected["pairs"])[:8]
        assert (contexts[batch.pair_contexts[order]] - expected["context"]).abs().max() <= 1e-4, document.title


@torch.no_grad()
def test_losses_are_equal(reference: Reference) -> None:
    model = reference.checkpoint.model.eval()
    for document, expected in reference:
        batch = batch_of(reference, document)
        assert batch.labels is not None
        loss = model.loss(model(batch), batch.labels)
        assert loss.item() == pytest.approx(expected["loss"].item(), abs=1e-5), document.title


def certain(logits: Tensor, cap: int) -> Tensor:
    """Where a logit is further than the margin from what decides on it: its threshold, and the best few of its pair."""
    relations = logits[:, 1:]
    clear = (relations - logits[:, :1]).abs() > MARGIN
    if cap < relations.shape[1]:
        best = relations.topk(cap + 1, dim=1).values
        last, next_best = best[:, -2:-1], best[:, -1:]
        clear &= torch.where(relations >= last, relations - next_best, last - relations) > MARGIN
    return clear


def test_predicted_labels_are_equal_where_the_margin_allows(reference: Reference) -> None:
    checkpoint, certain_ones = reference.checkpoint, 0
    assert checkpoint.config.max_labels == (1 if reference.name == "cdr" else 4)
    predicted = reference.extractor.predict(reference.documents)
    for found, (document, expected) in zip(predicted, reference, strict=True):
        facts = {(relation.head, relation.tail, relation.relation) for relation in found.relations}
        clear = certain(expected["logits"], checkpoint.config.max_labels or 0)
        certain_ones += int((clear & expected["predicted"][:, 1:].bool()).sum())
        for row, (head, tail) in enumerate(expected["pairs"].tolist()):
            for column in clear[row].nonzero().flatten().tolist():
                fact = (head, tail, checkpoint.labels.relation(column + 1))
                assert (fact in facts) == bool(expected["predicted"][row, column + 1]), (document.title, fact)
    total = sum(int(expected["predicted"][:, 1:].sum()) for _, expected in reference)
    assert certain_ones > 0.9 * total > 0


@pytest.mark.parametrize("reference", ["cdr"], indirect=True)
def test_cdr_scores_as_the_reference_counts_them(reference: Reference) -> None:
    found = list(reference.extractor.predict(reference.documents))
    true = sum(len(facts_of(ours) & facts_of(gold)) for ours, gold in zip(found, reference.documents, strict=True))
    predicted, gold = (sum(len(facts_of(document)) for document in side) for side in (found, reference.documents))
    assert (true, predicted - true, gold - true) == (39, 65, 38)


def facts_of(document: Document) -> set[tuple[int, int, str]]:
    return {relation.fact for relation in document.relations}


# The same model, exported


@pytest.fixture(scope="module")
def exported(reference: Reference, tmp_path_factory: pytest.TempPathFactory) -> RelationExtractor:
    """The extractor of the exported weights."""
    folder = tmp_path_factory.mktemp("exported")
    export_onnx(reference.checkpoint, folder)
    return RelationExtractor(OnnxBackend(folder))


def test_exported_logits_are_equal(reference: Reference, exported: RelationExtractor) -> None:
    assert_logits(reference, list(exported.scores(reference.documents)))


def test_exported_predictions_are_those_of_the_model(reference: Reference, exported: RelationExtractor) -> None:
    own, others = (list(extractor.predict(reference.documents)) for extractor in (reference.extractor, exported))
    assert [facts_of(document) for document in others] == [facts_of(document) for document in own]
    assert any(facts_of(document) for document in own)


# The loss alone


@pytest.fixture(scope="module")
def loss_reference(shared: Path) -> dict[str, Tensor]:
    return load_file(shared / "golden/loss/adaptive_threshold.safetensors")


def test_adaptive_loss_and_gradient_are_equal(loss_reference: dict[str, Tensor]) -> None:
    logits, labels = loss_reference["logits"].clone().requires_grad_(), loss_reference["labels"]
    before = labels.clone()
    loss = AdaptiveThreshold(Sizes(1, logits.shape[1], 0)).loss(logits, labels)
    loss.backward()
    assert loss.item() == pytest.approx(loss_reference["loss"].item(), abs=1e-5)
    assert logits.grad is not None
    assert (logits.grad - loss_reference["grad"]).abs().max() <= 1e-5
    assert labels.equal(before)


@pytest.mark.parametrize(("cap", "name"), [(None, "predicted_all"), (4, "predicted_top4")])
def test_decoded_labels_are_equal(loss_reference: dict[str, Tensor], cap: int | None, name: str) -> None:
    assert np.array_equal(decode(loss_reference["logits"].numpy(), cap), loss_reference[name].numpy().astype(bool))
    assert loss_reference[name][:, 1:].any()
