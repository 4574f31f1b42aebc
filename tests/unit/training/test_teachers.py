from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from atlop.checkpoint import Checkpoint, save
from atlop.checkpoint import load as load_checkpoint
from atlop.config import ModelConfig, TrainingConfig
from atlop.documents import Document, Relation
from atlop.errors import CheckpointError
from atlop.extractor import load
from atlop.features import Features, Featurizer
from atlop.formats import write
from atlop.labels import LabelMap
from atlop.training import teachers as module
from atlop.training import train
from atlop.training.teachers import probabilities, soft_targets, with_teachers
from atlop.training.trainer import RelationTrainer
from atlop.type_constraints import CandidateTypes, TypeConstraints

pytestmark = pytest.mark.usefixtures("one_thread")

Configure = Callable[..., TrainingConfig]


@pytest.fixture
def teach(configure: Configure, tmp_path: Path) -> Callable[..., Path]:
    """Train a teacher on the corpus and return its folder."""

    def run(name: str = "teacher", **settings: Any) -> Path:
        train(configure(**settings), tmp_path / name, device="cpu")
        return tmp_path / name

    return run


@pytest.fixture
def unlabelled(build_document: Callable[..., Document]) -> list[Document]:
    places = [[(0, 0, 1)], [(0, 3, 4)], [(0, 4, 5)]]
    plain = build_document(["Lovelace wrote to Ada ."], *places, title="plain")
    fact = Relation(2, 1, "P2", evidence=(0,))
    return [plain, build_document(["Ada wrote the letter ."], *places, title="annotated", relations=(fact,))]


def featurize(checkpoint: Checkpoint, documents: list[Document]) -> list[Features]:
    window = checkpoint.model.encoder.window
    featurizer = Featurizer(checkpoint.tokenizer, checkpoint.config, window, labels=checkpoint.labels)
    return [featurizer(document, labelled=True) for document in documents]


@pytest.mark.parametrize("thresholding", ["adaptive", "adaptive-bce", "global"])
def test_a_margin_means_its_sigmoid(thresholding: str) -> None:
    config, given = ModelConfig(thresholding=thresholding), np.array([[-1000, -2, 0, 2, 1000]], np.float32)
    found = probabilities(given, config)
    assert found.dtype == np.float32
    assert found[0].tolist() == pytest.approx([0, 1 / (1 + math.exp(2)), 0.5, 1 / (1 + math.exp(-2)), 1])


def test_a_margin_of_the_weighted_softmax_means_its_optimum() -> None:
    config = ModelConfig(thresholding="weighted-softmax", positive_weight=3)
    shares = [0.0, 0.02, 0.5, 1.0]
    given = np.array([[-np.inf, *(math.log(3 * share) for share in shares[1:]), 1000]], np.float32)
    found = probabilities(given, config)
    assert found.dtype == np.float32
    assert found[0].tolist() == pytest.approx([*shares, 1.0])


def test_labels_are_what_the_teacher_finds_probable(teach: Callable[..., Path], unlabelled: list[Document]) -> None:
    teacher = load(teach(), device="cpu")
    found = list(soft_targets(teacher, unlabelled, teacher.backend.labels))
    for (pairs, row, evidence), scores in zip(found, teacher.scores(unlabelled), strict=True):
        assert evidence.shape == (6, 0)
        assert pairs.tolist() == scores.pairs.tolist()
        margins = (scores.logits - scores.logits[:, :1])[:, 1:]
        np.testing.assert_allclose(row[:, 1:], 1 / (1 + np.exp(-margins)), rtol=1e-5)
        assert not row[:, 0].any()


def test_relations_go_by_their_names(teach: Callable[..., Path], unlabelled: list[Document]) -> None:
    teacher = load(teach(), device="cpu")
    assert teacher.backend.labels.relations == ("P1", "P2")
    own = next(soft_targets(teacher, unlabelled, teacher.backend.labels)).labels
    other = next(soft_targets(teacher, unlabelled, LabelMap(("P2", "P9", "P1")))).labels
    assert other[:, [3, 1]].tolist() == own[:, 1:].tolist()
    assert not other[:, 2].any()


def test_labels_are_the_mean_of_all_teachers_and_what_is_annotated(
    teach: Callable[..., Path], unlabelled: list[Document]
) -> None:
    folders = [teach("one"), teach("other", seed=1, head_learning_rate=1e-2)]
    models = [load(folder, device="cpu") for folder in folders]
    labels = models[0].backend.labels
    features = featurize(load_checkpoint(folders[0]), unlabelled)
    taught = with_teachers(features, unlabelled, folders, labels, "cpu")
    one, other = ([each.labels for each in soft_targets(model, unlabelled, labels)] for model in models)
    assert abs(one[0] - other[0]).max() > 0.01
    for place, each in enumerate(taught):
        expected = ((one[place] + other[place]) / 2)[:, 1:]
        if place:
            row = features[1].pairs.tolist().index([2, 1])
            expected[row, labels.column("P2") - 1] = 1
        assert each.labels is not None
        np.testing.assert_allclose(each.labels[:, 1:], expected, atol=1e-3)
        np.testing.assert_allclose(each.labels[:, 0], 1 - expected.max(1), atol=1e-3)
        assert each.pairs is features[place].pairs


def test_what_is_improbable_is_false(
    monkeypatch: pytest.MonkeyPatch, teach: Callable[..., Path], unlabelled: list[Document]
) -> None:
    monkeypatch.setattr(
        module, "probabilities", lambda margins, _: np.resize(np.float32([0.009, 0.011]), margins.shape)
    )
    folder = teach()
    teacher = load(folder, device="cpu")
    features = featurize(load_checkpoint(folder), unlabelled)
    plain, annotated = with_teachers(features, unlabelled, [folder], teacher.backend.labels, "cpu")
    assert plain.labels is not None
    assert annotated.labels is not None
    np.testing.assert_allclose(plain.labels, np.tile([0.989, 0, 0.011], (6, 1)), atol=1e-3)
    assert annotated.labels[features[1].pairs.tolist().index([2, 1])].tolist() == [0, 0, 1]


def test_evidence_is_that_of_the_teachers_where_a_relation_is_probable_and_none_is_annotated(
    monkeypatch: pytest.MonkeyPatch, teach: Callable[..., Path], build_document: Callable[..., Document]
) -> None:
    sentences, places = ["Ada wrote .", "Lovelace wrote to Mary ."], [[(0, 0, 1)], [(1, 0, 1)], [(1, 3, 4)]]
    relations = Relation(0, 1, "P1", evidence=(1,)), Relation(0, 2, "P1")
    documents = [build_document(sentences, *places, relations=relations)]
    heads = dataclasses.replace(ModelConfig(embedding_size=8, block_size=4, window_overlap=16), heads=("evidence",))
    folders = [teach("plain"), teach("one", model=heads), teach("other", model=heads, seed=1)]
    models = [load(folder, device="cpu") for folder in folders]
    given = np.zeros((6, 2), np.float32)
    given[4:] = [[0.6, 0], [0.4, 0.4]]  # the pairs (2, 0) and (2, 1)
    monkeypatch.setattr(module, "probabilities", lambda *_: given)
    features = featurize(load_checkpoint(folders[0]), documents)
    (found,) = with_teachers(features, documents, folders, models[0].backend.labels, "cpu")
    assert found.evidence is not None
    assert features[0].pairs.tolist() == [[0, 1], [0, 2], [1, 0], [1, 2], [2, 0], [2, 1]]
    shares = sum(next(model.scores(documents)).evidence for model in models[1:])  # type: ignore[misc]
    expected = np.zeros((6, 2))
    expected[[1, 4]] = shares[[1, 4]] / 3  # type: ignore[index]
    expected[0, 1] = 1
    np.testing.assert_allclose(found.evidence, expected, atol=1e-3)


def test_a_teacher_that_cuts_documents_says_nothing_of_the_rest(
    teach: Callable[..., Path], build_document: Callable[..., Document]
) -> None:
    documents = [build_document(["Ada wrote to Lovelace .", "Mary wrote ."], [(0, 0, 1)], [(0, 3, 4)], [(1, 0, 1)])]
    sizes = ModelConfig(embedding_size=8, block_size=4, window_overlap=1, heads=("evidence",))
    whole, cut = teach("whole", model=sizes), teach("cut", model=dataclasses.replace(sizes, max_length=8))
    for folder, read_by_student, known in ((cut, 2, [True, False]), (whole, 1, [True])):
        student = load_checkpoint(whole if folder is cut else cut)
        features = featurize(student, documents)
        assert features[0].sentence_count == read_by_student
        (found,) = with_teachers(features, documents, [folder], student.labels, "cpu")
        probable = found.labels is not None and found.labels[:, 1:].max(1) >= 0.5
        assert found.evidence is not None
        assert np.any(probable)
        assert found.evidence[probable].any(0).tolist() == known


def test_features_without_labels_are_refused(teach: Callable[..., Path], unlabelled: list[Document]) -> None:
    folder = teach()
    checkpoint = load_checkpoint(folder)
    features = [dataclasses.replace(each, labels=None) for each in featurize(checkpoint, unlabelled)]
    with pytest.raises(ValueError, match="document 'plain': got features without labels, expected labelled ones"):
        with_teachers(features, unlabelled, [folder], checkpoint.labels, "cpu")


def test_a_document_without_pairs_has_no_labels(
    teach: Callable[..., Path], build_document: Callable[..., Document]
) -> None:
    folder, alone = teach(), [build_document(["Ada wrote"], [(0, 0, 1)])]
    teacher = load(folder, device="cpu")
    features = featurize(load_checkpoint(folder), alone)
    (found,) = with_teachers(features, alone, [folder], teacher.backend.labels, "cpu")
    assert found.labels is not None
    assert found.labels.shape == (0, 3)


def test_a_teacher_for_other_pairs_is_refused(
    teach: Callable[..., Path], unlabelled: list[Document], tmp_path: Path
) -> None:
    checkpoint = load_checkpoint(teach())
    features = featurize(checkpoint, unlabelled)
    constraints = TypeConstraints({"PER": frozenset({"PER"})}, CandidateTypes(frozenset({("LOC", "PER")})))
    other = dataclasses.replace(checkpoint.labels, type_constraints=constraints)
    save(dataclasses.replace(checkpoint, labels=other), tmp_path / "typed")
    with pytest.raises(CheckpointError) as caught:
        with_teachers(features, unlabelled, [tmp_path / "typed"], checkpoint.labels, "cpu")
    problem = "got scores of other pairs (0) than those to learn (6), expected the same"
    advice = "choose a teacher for the same types of pairs"
    assert str(caught.value) == f"{tmp_path}/typed: document 'plain': {problem}; {advice}"


def test_a_teacher_for_as_many_other_pairs_is_refused(
    teach: Callable[..., Path], unlabelled: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, soft = teach(), module.soft_targets
    checkpoint = load_checkpoint(folder)
    monkeypatch.setattr(
        module, "soft_targets", lambda *given: (found._replace(pairs=found.pairs[::-1]) for found in soft(*given))
    )
    with pytest.raises(CheckpointError, match=r"document 'plain': got scores of other pairs \(6\) than those to learn"):
        with_teachers(featurize(checkpoint, unlabelled), unlabelled, [folder], checkpoint.labels, "cpu")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """The labels that training compares with, step by step."""
    labels: list[torch.Tensor] = []
    loss = RelationTrainer.loss

    def spy(self: RelationTrainer, output: Any, given: torch.Tensor, *others: Any, **named: Any) -> torch.Tensor:
        labels.append(given)
        return loss(self, output, given, *others, **named)

    monkeypatch.setattr(RelationTrainer, "loss", spy)
    return labels


@pytest.mark.parametrize("thresholding", ["adaptive", "adaptive-bce", "global", "weighted-softmax"])
def test_a_student_learns_from_gold_and_from_its_teachers(
    teach: Callable[..., Path],
    configure: Configure,
    unlabelled: list[Document],
    tmp_path: Path,
    seen: list[torch.Tensor],
    thresholding: str,
) -> None:
    folder = teach()
    write(unlabelled, tmp_path / "more.jsonl")
    model = dataclasses.replace(configure().model, thresholding=thresholding)
    given = {"train_unlabelled": [tmp_path / "more.jsonl"], "teachers": [folder]}
    seen.clear()
    train(configure(model=model, **given), tmp_path / "student", device="cpu")
    whole = [bool(((labels == 0) | (labels == 1)).all()) for labels in seen]
    # Three gold documents have pairs; the labels of the two others are between 0 and 1.
    assert sorted(whole) == [False, False, True, True, True]
    history = json.loads((tmp_path / "student" / "history.json").read_text())
    assert all(math.isfinite(row["loss"]) for row in history if "loss" in row)


def test_without_teachers_there_is_nothing_to_learn_of_their_relations(
    configure: Configure, unlabelled: list[Document], tmp_path: Path, seen: list[torch.Tensor]
) -> None:
    write(unlabelled, tmp_path / "more.jsonl")
    train(configure(train_unlabelled=[tmp_path / "more.jsonl"]), tmp_path / "student", device="cpu")
    assert sorted(len(labels) for labels in seen) == [2, 6, 12]
