from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from atlop import extractor as module
from atlop.backends.pytorch import TorchBackend
from atlop.calibration import Calibration
from atlop.checkpoint import Checkpoint, save
from atlop.documents import Document, Relation
from atlop.errors import AtlopError, CheckpointError, DataError
from atlop.extractor import PairScores, RelationExtractor, load
from atlop.type_constraints import TypeConstraints

pytestmark = pytest.mark.usefixtures("one_thread")

BuildDocument = Callable[..., Document]
MakeCheckpoint = Callable[..., Checkpoint]


@pytest.fixture
def documents(build_document: BuildDocument) -> list[Document]:
    """Seven documents of other lengths and numbers of entities, the third without a pair."""
    words = "Ada wrote to the Lovelace and then to Ada again in a long letter ".strip()

    def document(index: int, entities: int) -> Document:
        sentence = " ".join([words] * (1 + index % 3))
        return build_document([sentence], *([(0, e, e + 1)] for e in range(entities)), title=f"Document {index}")

    return [document(index, entities) for index, entities in enumerate((3, 2, 1, 5, 2, 0, 4))]


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def pair_scores(*logits: list[float]) -> PairScores:
    pairs = np.array([(pair, pair + 1) for pair in range(len(logits))], dtype=np.int64)
    return PairScores("Document", pairs, np.array(logits, dtype=np.float32))


def test_scores_come_in_order_one_for_each_document(tiny_checkpoint: Checkpoint, documents: list[Document]) -> None:
    scores = list(RelationExtractor(TorchBackend(tiny_checkpoint)).scores(documents))
    assert [score.title for score in scores] == [document.title for document in documents]
    assert [score.pairs.tolist() for score in scores] == [list(map(list, document.pairs)) for document in documents]
    assert [score.logits.shape for score in scores] == [(pairs, 4) for pairs in (6, 2, 0, 20, 2, 0, 12)]
    assert {(score.pairs.dtype, score.logits.dtype) for score in scores} == {(np.dtype("int64"), np.dtype("float32"))}


def test_predictions_come_in_order_with_everything_but_the_relations_kept(
    tiny_checkpoint: Checkpoint, documents: list[Document]
) -> None:
    gold = [document.with_relations((Relation(0, 0, "P9"),) if document.entities else ()) for document in documents]
    predicted = list(RelationExtractor(TorchBackend(tiny_checkpoint)).predict(gold))
    assert [document.with_relations(()) for document in predicted] == documents
    assert any(document.relations for document in predicted)
    assert all(relation.relation != "P9" for document in predicted for relation in document.relations)


def test_predictions_are_what_the_scores_amount_to(tiny_checkpoint: Checkpoint, documents: list[Document]) -> None:
    extractor = RelationExtractor(TorchBackend(tiny_checkpoint))
    predicted = [document.relations for document in extractor.predict(documents)]
    assert predicted == [extractor.relations(scores) for scores in extractor.scores(documents)]


def test_only_candidates_are_scored(tiny_checkpoint: Checkpoint, build_document: BuildDocument) -> None:
    places = [[(0, 0, 1)], [(0, 1, 2)], [(0, 2, 3)]]
    listed = build_document(["Ada wrote Lovelace ."], *places, candidates=((2, 0), (1, 1)))
    extractor = RelationExtractor(TorchBackend(tiny_checkpoint))
    few, every = extractor.scores([listed, build_document(["Ada wrote Lovelace ."], *places)])
    assert few.pairs.tolist() == [[2, 0], [1, 1]]
    row = every.pairs.tolist().index([2, 0])
    np.testing.assert_allclose(few.logits[0], every.logits[row], atol=1e-5)
    (nothing,) = extractor.scores([build_document(["Ada wrote Lovelace ."], *places, candidates=())])
    assert nothing.logits.shape == (0, 4)


@pytest.fixture
def typed(build_document: BuildDocument) -> list[Document]:
    """Three documents: two people and a place; two places; an entity that is a person here and a place there."""
    sentence = ["Ada wrote to the Lovelace ."]
    places = [[(0, 0, 1, "PER")], [(0, 1, 2, "LOC")], [(0, 4, 5, "PER")]]
    both = [(0, 2, 3, "LOC"), (0, 4, 5, "PER")]
    return [
        build_document(sentence, *places, title="people"),
        build_document(sentence, [(0, 0, 1, "LOC")], [(0, 4, 5, "LOC")], title="places"),
        build_document(sentence, *places[:2], both, title="both"),
    ]


@pytest.fixture
def born(tiny_checkpoint: Checkpoint) -> Checkpoint:
    """A model whose training related people to places and nothing else."""
    type_constraints = TypeConstraints({"PER": frozenset({"LOC"}), "LOC": frozenset()})
    labels = dataclasses.replace(tiny_checkpoint.labels, type_constraints=type_constraints)
    return dataclasses.replace(tiny_checkpoint, labels=labels)


def test_skipped_pairs_leave_the_scores_of_the_others_as_they_are(born: Checkpoint, typed: list[Document]) -> None:
    backend = TorchBackend(born)
    every, pruned = (list(RelationExtractor(backend, prune=prune).scores(typed)) for prune in (False, True))
    assert [score.pairs.tolist() for score in every] == [list(map(list, document.pairs)) for document in typed]
    assert [score.pairs.tolist() for score in pruned] == [[[0, 1], [2, 1]], [], [[0, 1], [0, 2], [2, 1]]]
    for few, score in zip(pruned, every, strict=True):
        rows = [score.pairs.tolist().index(pair) for pair in few.pairs.tolist()]
        np.testing.assert_allclose(few.logits, score.logits[rows], atol=1e-5)


def test_a_model_that_knows_no_types_skips_no_pairs(tiny_checkpoint: Checkpoint, tmp_path: Path) -> None:
    problem = "prune: the model has no type constraints, expected the types that its training relations connect"
    message = f"{problem}; train it with this version of atlop, or predict without pruning"
    with pytest.raises(CheckpointError) as caught:
        RelationExtractor(TorchBackend(tiny_checkpoint), prune=True)
    assert str(caught.value) == message
    save(tiny_checkpoint, tmp_path)
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path, device="cpu", prune=True)
    assert str(caught.value) == message


def test_a_folder_is_loaded_to_skip_pairs(born: Checkpoint, typed: list[Document], tmp_path: Path) -> None:
    save(born, tmp_path)
    assert [len(score.pairs) for score in load(tmp_path, device="cpu").scores(typed)] == [6, 2, 6]
    assert [len(score.pairs) for score in load(tmp_path, device="cpu", prune=True).scores(typed)] == [2, 0, 3]


def test_other_documents_beside_it_do_not_change_a_documents_scores(
    tiny_checkpoint: Checkpoint, documents: list[Document]
) -> None:
    extractor = RelationExtractor(TorchBackend(tiny_checkpoint))
    together = list(extractor.scores(documents))
    alone = [next(extractor.scores([document])) for document in documents]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.logits, other.logits, atol=1e-5)


def test_documents_are_read_as_they_are_needed(
    tiny_checkpoint: Checkpoint, documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DOCUMENTS", 4)
    taken: list[int] = []

    def endless() -> Iterator[Document]:
        while True:
            taken.append(len(taken))
            yield documents[taken[-1] % 2]

    predicted = RelationExtractor(TorchBackend(tiny_checkpoint)).predict(endless())
    assert next(predicted).title == "Document 0"
    # One chunk is scored while the next is read.
    assert len(taken) <= 8
    assert [next(predicted).title for _ in range(8)] == [f"Document {index}" for index in (1, 0, 1, 0, 1, 0, 1, 0)]
    assert len(taken) <= 16


@pytest.mark.parametrize(("limit", "sizes"), [(1, [1, 1, 1, 1, 1]), (10**6, [5])])
def test_a_batch_has_a_bounded_size(
    make_checkpoint: MakeCheckpoint,
    documents: list[Document],
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    sizes: list[int],
) -> None:
    checkpoint, seen = make_checkpoint(), list[int]()
    checkpoint.model.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0].pair_counts)))
    backend = TorchBackend(checkpoint)
    monkeypatch.setattr(backend, "batch_subwords", limit)
    list(RelationExtractor(backend).scores(documents))
    assert seen == sizes


def of_version_0_1(offset: float, temperature: float) -> Calibration:
    """The calibration of a model that has only these two settings."""
    return Calibration.from_settings({"threshold_offset": offset, "temperature": temperature})


@pytest.mark.parametrize(
    ("offset", "temperature", "expected"),
    [
        (0.0, 1.0, [(0, "P1", 2.0)]),
        (0.0, 4.0, [(0, "P1", 0.5)]),
        (1.0, 1.0, [(0, "P1", 3.0), (1, "P3", 0.5)]),
        (1.0, 2.0, [(0, "P1", 1.5), (1, "P3", 0.25)]),
        (-2.5, 1.0, []),
    ],
)
def test_confidence_is_the_sigmoid_of_the_lead_with_offset_and_temperature(
    make_checkpoint: MakeCheckpoint, offset: float, temperature: float, expected: list[tuple[int, str, float]]
) -> None:
    extractor = RelationExtractor(TorchBackend(make_checkpoint(of_version_0_1(offset, temperature))))
    relations = extractor.relations(pair_scores([1.0, 3.0, -1.0, 0.0], [2.0, 0.0, 0.5, 1.5]))
    assert [(r.head, r.tail, r.relation) for r in relations] == [(row, row + 1, name) for row, name, _ in expected]
    assert [r.confidence for r in relations] == pytest.approx([sigmoid(margin) for _, _, margin in expected])
    assert all(r.confidence is not None and r.confidence > 0.5 and r.evidence is None for r in relations)


@pytest.mark.parametrize("offset", [-1.0, 0.0, 1.0])
def test_without_a_limit_the_decision_is_a_confidence_above_one_half(
    make_checkpoint: MakeCheckpoint, offset: float
) -> None:
    extractor = RelationExtractor(TorchBackend(make_checkpoint(of_version_0_1(offset, 0.5), max_labels=None)))
    logits = torch.randn(50, 4, generator=torch.manual_seed(0)).tolist()
    found = {relation.fact: relation.confidence for relation in extractor.relations(pair_scores(*logits))}
    sure = {
        (row, row + 1, f"P{column}"): sigmoid((values[column] - values[0] + offset) / 0.5)
        for row, values in enumerate(logits)
        for column in (1, 2, 3)
    }
    assert found == pytest.approx({fact: value for fact, value in sure.items() if value > 0.5})


def test_a_relation_level_with_the_threshold_is_not_found(tiny_checkpoint: Checkpoint) -> None:
    assert RelationExtractor(TorchBackend(tiny_checkpoint)).relations(pair_scores([1.0, 1.0, 0.0, 0.0])) == ()


@pytest.mark.parametrize(("limit", "names"), [(1, ["P2"]), (2, ["P1", "P2"]), (3, ["P1", "P2", "P3"])])
def test_a_pair_is_given_its_best_relations(make_checkpoint: MakeCheckpoint, limit: int, names: list[str]) -> None:
    extractor = RelationExtractor(TorchBackend(make_checkpoint(max_labels=limit)))
    relations = extractor.relations(pair_scores([0.0, 2.0, 3.0, 1.0]))
    assert [relation.relation for relation in relations] == names


def test_no_pairs_have_no_relations(tiny_checkpoint: Checkpoint) -> None:
    empty = PairScores("Document", np.zeros((0, 2), np.int64), np.zeros((0, 4), np.float32))
    assert RelationExtractor(TorchBackend(tiny_checkpoint)).relations(empty) == ()


def test_scores_that_are_not_numbers_are_told_with_the_document(
    tiny_checkpoint: Checkpoint, documents: list[Document]
) -> None:
    bias = tiny_checkpoint.model.bilinear.linear.bias
    with torch.no_grad():
        bias[2] = torch.nan
    with pytest.raises(CheckpointError) as caught:
        list(RelationExtractor(TorchBackend(tiny_checkpoint)).predict(documents[1:]))
    assert str(caught.value) == "document 'Document 1': the model computed scores that are not finite"


def test_a_folder_is_loaded_ready_to_predict(
    tiny_checkpoint: Checkpoint, documents: list[Document], tmp_path: Path
) -> None:
    save(tiny_checkpoint, tmp_path)
    loaded = load(tmp_path, device="cpu", precision="fp32")
    for found, expected in zip(
        loaded.scores(documents), RelationExtractor(TorchBackend(tiny_checkpoint)).scores(documents), strict=True
    ):
        np.testing.assert_array_equal(found.logits, expected.logits)


def test_one_document_is_predicted_as_among_others(tiny_checkpoint: Checkpoint, documents: list[Document]) -> None:
    extractor = RelationExtractor(TorchBackend(tiny_checkpoint))
    for document, expected in zip(documents, extractor.predict(documents), strict=True):
        found = extractor.predict(document)
        assert isinstance(found, Document)
        assert [relation.fact for relation in found.relations] == [relation.fact for relation in expected.relations]


def test_relations_carry_their_display_names(tiny_checkpoint: Checkpoint) -> None:
    relations = RelationExtractor(TorchBackend(tiny_checkpoint)).relations(pair_scores([0.0, 2.0, 3.0, -1.0]))
    assert [(relation.relation, relation.name) for relation in relations] == [("P1", "first relation"), ("P2", "P2")]


def test_relations_of_low_confidence_can_be_left_out(tiny_checkpoint: Checkpoint, documents: list[Document]) -> None:
    extractor = RelationExtractor(TorchBackend(tiny_checkpoint))
    every = [relation for document in extractor.predict(documents) for relation in document.relations]
    least = sorted(relation.confidence or 0 for relation in every)[len(every) // 2]
    some = [r for document in extractor.predict(documents, min_confidence=least) for r in document.relations]
    assert [r.fact for r in some] == [r.fact for r in every if (r.confidence or 0) >= least]
    assert 0 < len(some) < len(every)


@pytest.mark.parametrize("least", [-0.1, 1.1, math.nan])
def test_a_confidence_that_is_none_is_refused_at_once(tiny_checkpoint: Checkpoint, least: float) -> None:
    with pytest.raises(AtlopError) as caught:
        RelationExtractor(TorchBackend(tiny_checkpoint)).predict([], min_confidence=least)
    assert str(caught.value) == f"min_confidence: got {least} (float), expected a number from 0 to 1"


def test_documents_are_yielded_as_soon_as_they_and_those_before_are_scored(
    tiny_checkpoint: Checkpoint, documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = TorchBackend(tiny_checkpoint)
    monkeypatch.setattr(backend, "batch_subwords", 1)
    scored: list[str] = []
    scores = backend._scores
    monkeypatch.setattr(backend, "_scores", lambda features: scored.append(features[0].title) or scores(features))
    first = next(RelationExtractor(backend).predict(documents * 4))
    assert first.title == "Document 0"
    assert len(scored) < 10


def test_a_progress_bar_is_shown_where_it_is_asked_for(
    tiny_checkpoint: Checkpoint, documents: list[Document], capsys: pytest.CaptureFixture[str]
) -> None:
    extractor = RelationExtractor(TorchBackend(tiny_checkpoint))
    list(extractor.predict(documents))
    assert capsys.readouterr().out == ""
    list(extractor.predict(documents, progress=True))
    assert "Predicting" in capsys.readouterr().out


@pytest.mark.parametrize("batches", [1, 2, 7])
def test_documents_without_pairs_keep_their_place(
    tiny_checkpoint: Checkpoint, documents: list[Document], batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DOCUMENTS", batches)
    alone = [document for document in documents if len(document.entities) < 2]
    for given in (alone, [*alone, *documents], [*documents, *alone], []):
        found = list(RelationExtractor(TorchBackend(tiny_checkpoint)).scores(given))
        assert [score.title for score in found] == [document.title for document in given]


def test_types_that_training_never_showed_are_named_once(
    born: Checkpoint, typed: list[Document], build_document: Callable[..., Document], caplog: pytest.LogCaptureFixture
) -> None:
    extractor = RelationExtractor(TorchBackend(born))
    unknown = build_document(["Ada wrote"], [(0, 0, 1, "Chemical")], [(0, 1, 2, "Disease")])
    list(extractor.predict([*typed, unknown]))
    list(extractor.predict([unknown]))
    trained = "the model was trained on LOC, PER and finds few or no relations of other types"
    assert caplog.messages == [f"entities of type Chemical, Disease: {trained}"]


def test_documents_without_pairs_are_yielded_before_all_are_read(
    tiny_checkpoint: Checkpoint, documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DOCUMENTS", 4)
    paired, alone = documents[0], documents[2]
    taken: list[Document] = []

    def endless() -> Iterator[Document]:
        for document in [*[alone] * 8, *[paired] * 4, *[alone] * 1000]:
            taken.append(document)
            yield document

    extractor = RelationExtractor(TorchBackend(tiny_checkpoint))
    batches: list[int] = []
    scores = extractor.backend.scores
    monkeypatch.setattr(
        extractor.backend, "scores", lambda given: scores(batches.append(len(batch)) or batch for batch in given)
    )
    found = extractor.scores(endless())
    expected = [0, *[0] * 7, *[2 * 3] * 4, *[0] * 8]
    for yielded, pairs in enumerate(expected, start=1):
        assert len(next(found).pairs) == pairs
        # A chunk is read ahead of the one that is yielded, at most.
        assert len(taken) <= yielded + 8
    assert batches == [4]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Ada wrote.", "'Ada wrote.' (str)"),
        (Path("a.jsonl"), f"{Path('a.jsonl')!r} ({type(Path()).__name__})"),
        (["a.jsonl"], "'a.jsonl' (str)"),
        ([None], "None (NoneType)"),
    ],
)
def test_what_is_no_document_is_told(tiny_checkpoint: Checkpoint, given: Any, shown: str) -> None:
    extractor = RelationExtractor(TorchBackend(tiny_checkpoint))
    with pytest.raises(DataError) as caught:
        list(extractor.predict(given))
    advice = "pass texts to extract, and read files with atlop.read"
    assert str(caught.value) == f"got {shown}, expected a Document; {advice}"
