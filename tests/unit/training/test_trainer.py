from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import TrainerCallback, TrainingArguments

from atlop.calibration import Calibration
from atlop.checkpoint import load, new_checkpoint
from atlop.config import ModelConfig, TrainingConfig
from atlop.documents import Document, Entity, Mention, Relation
from atlop.extractor import PairScores, RelationExtractor
from atlop.labels import LabelMap
from atlop.training import trainer as module
from atlop.training.corpora import Corpora
from atlop.training.run import make_trainer
from atlop.training.trainer import RelationTrainer, dev_scores
from atlop.type_constraints import TypeConstraints

pytestmark = pytest.mark.usefixtures("one_thread")

Configure = Callable[..., TrainingConfig]
Start = Callable[..., RelationTrainer]


@pytest.fixture
def start(configure: Configure, corpus: list[Document], tmp_path: Path) -> Start:
    """Make the trainer of a run on ``corpus``; settings go to the configuration."""

    def run(**settings: Any) -> RelationTrainer:
        config = configure(**settings)
        torch.manual_seed(config.seed)
        checkpoint = new_checkpoint(config.encoder, config.model, LabelMap(("P1", "P2")))
        dev = corpus if config.dev else []
        return make_trainer(checkpoint, Corpora(corpus, dev, []), config, tmp_path / "out", torch.device("cpu"))

    return run


@pytest.mark.parametrize(("heads", "every"), [((), False), (("mentions",), True)])
def test_documents_without_pairs_are_trained_on_where_a_head_needs_them(
    configure: Configure, corpus: list[Document], tmp_path: Path, heads: tuple[str, ...], every: bool
) -> None:
    sizes = ModelConfig(embedding_size=8, block_size=4, window_overlap=16, markers="none", heads=heads)
    config = configure(model=sizes)
    checkpoint = new_checkpoint(config.encoder, sizes, LabelMap(("P1", "P2")))
    corpora = Corpora([*corpus, Document("alone", (("Ada",),))], [], [])
    trainer = make_trainer(checkpoint, corpora, config, tmp_path / "out", torch.device("cpu"))
    expected = [document for document in corpora.train if every or document.pairs]
    assert len(trainer.train_dataset) == len(expected)  # type: ignore[arg-type]
    assert every == (len(expected) == len(corpora.train))


@pytest.fixture
def start_reader(configure: Configure, corpus: list[Document], tmp_path: Path) -> Callable[..., RelationTrainer]:
    """Make the trainer of a model that finds entities; ``entities`` go to the corpora."""

    def run(entities: Sequence[Document], **settings: Any) -> RelationTrainer:
        heads = ("mentions", "entities")
        sizes = ModelConfig(embedding_size=8, block_size=4, window_overlap=16, markers="none", heads=heads)
        config = configure(model=sizes, **settings)
        torch.manual_seed(config.seed)
        constraints = TypeConstraints.of(corpus)
        checkpoint = new_checkpoint(config.encoder, sizes, LabelMap(("P1", "P2"), type_constraints=constraints))
        corpora = Corpora(corpus, [], [], entities)
        return make_trainer(checkpoint, corpora, config, tmp_path / "out", torch.device("cpu"))

    return run


def test_documents_of_entities_train_only_the_heads_that_find_them(
    start_reader: Callable[..., RelationTrainer], corpus: list[Document]
) -> None:
    documents = [replace(document, relations=(), candidates=()) for document in corpus]
    trainer = start_reader(documents)
    features = list(trainer.train_dataset)[len(corpus) :]  # type: ignore[call-overload]
    output, labels = trainer.model(**{"batch": trainer.collate(features)["batch"]}), trainer.collate(features)["labels"]
    trainer.loss(output, labels, num_items_in_batch=0).backward()
    learned = {name for name, weight in trainer.checkpoint.model.named_parameters() if weight.grad is not None}
    moved = {name for name in learned if trainer.checkpoint.model.get_parameter(name).grad.abs().sum() > 0}
    assert {name.split(".")[0] for name in moved} == {"encoder", "heads"}
    assert {"heads.mentions.tags.weight", "heads.entities.score.weight"} <= moved


def test_an_update_without_pairs_leaves_the_weights_finite(
    start_reader: Callable[..., RelationTrainer], corpus: list[Document]
) -> None:
    documents = [replace(document, relations=(), candidates=()) for document in corpus]
    trainer = start_reader(documents, batch_size=1)
    before = weights(trainer)
    trainer.train()
    after = weights(trainer)
    assert all(weight.isfinite().all() for weight in after.values())
    assert any((weight != before[name]).any() for name, weight in after.items())


@torch.no_grad()
def test_a_batch_without_pairs_counts_for_the_heads_beside_one_with_pairs(
    start_reader: Callable[..., RelationTrainer], corpus: list[Document]
) -> None:
    trainer = start_reader([replace(document, relations=(), candidates=()) for document in corpus])
    trainer.current_gradient_accumulation_steps = 2
    with_pairs, without = list(trainer.train_dataset)[3:5]  # type: ignore[call-overload]
    model, found, expected = trainer.checkpoint.model.eval(), 0.0, 0.0
    for features in (with_pairs, without):
        batch = trainer.collate([features])["batch"]
        output = model(batch)
        heads = sum(head.loss(output.heads[name], output) for name, head in model.heads.items())
        expected += model.thresholding.loss(output.logits, batch.labels) + heads / 2
        found += trainer.loss(output, batch.labels, num_items_in_batch=12 * 3)  # pairs and columns of the first
    assert float(found) == pytest.approx(float(expected))


@pytest.fixture(scope="session")
def calm_encoder(make_encoder: Callable[..., Path]) -> str:
    """The folder of an encoder without dropout."""
    return str(make_encoder(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0))


def weights(trainer: RelationTrainer) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in trainer.checkpoint.model.state_dict().items()}


def test_encoder_and_the_layers_above_it_learn_at_two_rates(start: Start) -> None:
    trainer = start(encoder_learning_rate=2e-5, head_learning_rate=3e-4, weight_decay=0.01, adam_epsilon=1e-7)
    encoder, above = trainer.create_optimizer().param_groups
    named = dict(trainer.checkpoint.model.named_parameters())
    assert [id(weight) for weight in above["params"]] == [
        id(named[f"{layer}.linear.{kind}"]) for layer in ("head", "tail", "bilinear") for kind in ("weight", "bias")
    ]
    assert len(encoder["params"]) + len(above["params"]) == len(named)
    assert (encoder["lr"], above["lr"]) == (2e-5, 3e-4)
    assert {(group["weight_decay"], group["eps"]) for group in (encoder, above)} == {(0.01, 1e-7)}


def test_rates_rise_over_six_percent_of_the_updates_and_fall_over_the_rest(start: Start) -> None:
    trainer = start()
    trainer.create_optimizer_and_scheduler(num_training_steps=100)
    encoder, above = trainer.lr_scheduler.lr_lambdas
    shares = {0: 0.0, 3: 0.5, 6: 1.0, 53: 0.5, 100: 0.0}
    assert {step: encoder(step) for step in shares} == pytest.approx(shares)
    assert {step: above(step) for step in shares} == pytest.approx(shares)
    assert trainer.lr_scheduler.base_lrs == [5e-5, 1e-4]


def test_without_warm_up_the_rates_begin_at_their_peak(start: Start) -> None:
    trainer = start(warmup=0)
    trainer.create_optimizer_and_scheduler(num_training_steps=10)
    assert [trainer.lr_scheduler.lr_lambdas[0](step) for step in (0, 5, 10)] == pytest.approx([1.0, 0.5, 0.0])


class Gradients(TrainerCallback):
    """Keeps the gradients of every update."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Tensor]] = []

    def on_pre_optimizer_step(self, *_: Any, model: torch.nn.Module, **__: Any) -> None:
        given = ((name, weight.grad) for name, weight in model.named_parameters())
        self.seen.append({name: gradient.clone() for name, gradient in given if gradient is not None})


PLAIN = {"max_gradient_norm": 1e9, "warmup": 0}


@pytest.mark.parametrize(("batch", "accumulation"), [(1, 3), (2, 2), (3, 1)])
def test_an_update_has_the_gradient_of_all_its_pairs(
    start: Start, calm_encoder: str, batch: int, accumulation: int
) -> None:
    trainer = start(encoder=calm_encoder, batch_size=batch, gradient_accumulation=accumulation, **PLAIN)
    model, gradients = trainer.checkpoint.model, Gradients()
    together = trainer.collate(trainer.train_dataset)["batch"]
    assert together.pair_counts == [2, 6, 12]
    model.loss(model(together), together.labels).backward()
    expected = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()
    trainer.add_callback(gradients)
    trainer.train()
    (found,) = gradients.seen
    assert found.keys() == expected.keys()
    assert all(torch.allclose(found[name], expected[name], rtol=0, atol=1e-6) for name in expected)
    assert max(gradient.abs().max() for gradient in expected.values()) > 1e-2


@pytest.mark.parametrize("documents_an_update", [2, 3])
def test_small_batches_give_the_weights_of_big_ones(start: Start, calm_encoder: str, documents_an_update: int) -> None:
    """Also where the last update of an epoch has fewer documents."""
    settings = {"encoder": calm_encoder, "epochs": 2, **PLAIN}
    big = start(batch_size=documents_an_update, **settings)
    before = weights(big)
    big.train()
    small = start(batch_size=1, gradient_accumulation=documents_an_update, **settings)
    assert all(torch.equal(weight, before[name]) for name, weight in weights(small).items())
    small.train()
    assert big.state.global_step == small.state.global_step == 2 * -(-3 // documents_an_update)
    found, expected = weights(small), weights(big)
    assert all(torch.allclose(found[name], expected[name], rtol=0, atol=1e-6) for name in expected)
    assert any(not torch.equal(before[name], expected[name]) for name in expected)


def test_gradients_are_clipped(start: Start, calm_encoder: str) -> None:
    trainer = start(encoder=calm_encoder, batch_size=3, max_gradient_norm=0.01)
    trainer.add_callback(gradients := Gradients())
    trainer.train()
    norm = torch.stack([gradient.norm() for gradient in gradients.seen[0].values()]).norm()
    assert norm == pytest.approx(0.01, rel=1e-3)


def test_the_best_epoch_is_kept(
    start: Start, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The last epoch is the best before tuning.
    scores, epochs = iter([(0.2, 0.1), (0.3, 0.5), (0.4, 0.5), (0.6, 0.1)]), list[dict[str, Tensor]]()

    def scored(_: RelationExtractor, __: Corpora) -> tuple[dict[str, float], Calibration]:
        epochs.append({name: weight.clone() for name, weight in trainer.checkpoint.model.state_dict().items()})
        plain, tuned = next(scores)
        return {"f1": plain, "tuned_f1": tuned}, Calibration(offset=plain)

    monkeypatch.setattr(module, "dev_scores", scored)
    trainer = start(dev=corpus_file, epochs=4)
    trainer.train()
    kept = load(tmp_path / "out").model.state_dict()
    assert [all(torch.equal(kept[name], epoch[name]) for name in kept) for epoch in epochs] == [
        False,
        True,
        False,
        False,
    ]
    best = trainer.best()
    assert (best["eval_f1"], best["eval_tuned_f1"], best["epoch"]) == (0.3, 0.5, 2.0)
    assert load(tmp_path / "out").calibration == Calibration(offset=0.3)


def test_one_gpu_of_several_is_used_with_a_warning(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    arguments = start().args
    arguments._n_gpu = 3
    module.use_one_gpu(arguments)
    assert arguments.n_gpu == 1
    line = "torchrun --nproc_per_node 3 -m atlop train ..."
    assert caplog.messages == [f"3 GPUs found, training on one; to use all of them: {line}"]


def test_several_gpus_without_a_launcher_do_not_wrap_the_model(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """On this machine the arguments say how many there are, as they would on one that has them."""
    post_init = TrainingArguments.__post_init__

    def with_two(self: TrainingArguments) -> None:
        post_init(self)
        self._n_gpu = 2

    monkeypatch.setattr(TrainingArguments, "__post_init__", with_two)
    trainer = start(batch_size=3)
    trainer.train()
    assert trainer.args.train_batch_size == 3
    assert not isinstance(trainer.model_wrapped, torch.nn.DataParallel)


def test_the_best_of_nothing_is_nothing(start: Start) -> None:
    assert start().best() == {}


class Fixed(RelationExtractor):
    """Finds the same relations in every document, with a margin of 1."""

    def __init__(self, *facts: tuple[int, int]) -> None:
        self.facts, self.calibration = facts, Calibration()
        self.backend: Any = SimpleNamespace(labels=LabelMap(("CID",)), config=ModelConfig())

    def _scored(self, documents: Iterable[Document]) -> Iterator[tuple[Document, PairScores]]:
        for document in documents:
            logits = [[0.0, 1.0 if pair in self.facts else -1.0] for pair in document.pairs]
            yield document, PairScores(document.title, np.array(document.pairs), np.array(logits, dtype=np.float32))


def pubmed(title: str, *facts: tuple[int, int], candidates: tuple[tuple[int, int], ...] | None) -> Document:
    kinds = (("Chemical", "D1"), ("Disease", "D2"), ("Disease", "D3"))
    entities = tuple(Entity((Mention(0, i, i + 1, kind, key),), key) for i, (kind, key) in enumerate(kinds))
    relations = tuple(Relation(head, tail, "CID") for head, tail in facts)
    return Document(title, (("a", "b", "c"),), entities, relations, candidates)


def test_dev_scores_are_of_the_listed_candidates_and_beside_them_of_all_facts() -> None:
    listed = [pubmed("1", (0, 1), (0, 2), candidates=((0, 1),))]
    every = [pubmed("1", (0, 1), (0, 2), candidates=None)]
    # Of one document nothing is fitted on the other half.
    counted = {"f1": 1.0, "precision": 1.0, "recall": 1.0, "tuned_f1": 1.0, "tuned_precision": 1.0, "tuned_recall": 1.0}
    error = 1 - 1 / (1 + math.exp(-1))
    counted |= {"tuned_calibration_error": error, "tuned_uncalibrated_error": error}
    scores, calibration = dev_scores(Fixed((0, 1)), Corpora([], listed, []))
    assert scores == pytest.approx(counted)
    assert calibration == Calibration(offset=-0.5)
    honest = {"biocreative_f1": 2 / 3, "biocreative_precision": 1.0, "biocreative_recall": 0.5}
    assert dev_scores(Fixed((0, 1)), Corpora([], listed, every))[0] == pytest.approx(counted | honest)


def test_dev_documents_in_pubtator_format_are_scored_with_the_calibration() -> None:
    """On the dev documents all that is above -1.5 is right, so that what is at -1 is found in the others."""
    gold = [pubmed("1", *permutations(range(3), 2), candidates=None)]
    scores, calibration = dev_scores(Fixed((0, 1)), Corpora([], gold, gold))
    assert calibration.offset == pytest.approx(1.5)
    assert (scores["recall"], scores["biocreative_recall"]) == (pytest.approx(1 / 6), 1.0)
