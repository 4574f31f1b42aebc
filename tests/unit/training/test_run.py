from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from itertools import count, product
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback, TrainerState

from atlop.backends.pytorch import TorchBackend
from atlop.calibration import Calibration
from atlop.checkpoint import Checkpoint, build_model, load, save
from atlop.config import ModelConfig, TrainingConfig
from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import AtlopError, CheckpointError, ConfigError, LabelError, ScoringError
from atlop.extractor import RelationExtractor
from atlop.folder import initial_config
from atlop.formats import write
from atlop.labels import LabelMap
from atlop.training import run as module
from atlop.training import train
from atlop.training import trainer as trainer_module
from atlop.training.corpora import Corpora
from atlop.training.run import start_from
from atlop.training.states import claim
from atlop.training.trainer import RelationTrainer
from atlop.type_constraints import TypeConstraints

pytestmark = pytest.mark.usefixtures("one_thread")

Configure = Callable[..., TrainingConfig]

PEOPLE = TypeConstraints({"PER": frozenset({"PER"})})
"""What the relations of a corpus of people connect."""


def same_weights(one: Path, other: Path) -> bool:
    first, second = (load(folder).model.state_dict() for folder in (one, other))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_leaves_a_model_folder_with_its_settings_and_history(
    configure: Configure, corpus_file: Path, corpus: list[Document], tmp_path: Path
) -> None:
    scores = train(configure(dev=corpus_file, epochs=2), tmp_path / "out", device="cpu")
    folder = tmp_path / "out"
    model = {"atlop.json", "calibration.json", "encoder", "labels.json", "model.safetensors"}
    assert {path.name for path in folder.iterdir()} == model | {"history.json", "states", "training.json"}
    history = json.loads((folder / "history.json").read_text())
    rows = [row for row in history if "eval_f1" in row]
    assert [row["epoch"] for row in rows] == [1.0, 2.0]
    assert scores["eval_tuned_f1"] == max(row["eval_tuned_f1"] for row in rows)
    assert json.loads((folder / "training.json").read_text())["epochs"] == 2
    assert load(folder).labels == LabelMap(("P1", "P2"), type_constraints=PEOPLE)
    assert len(list(RelationExtractor(TorchBackend(load(folder))).predict(corpus))) == 4


def test_without_dev_documents_the_last_epoch_is_kept(configure: Configure, tmp_path: Path) -> None:
    assert train(configure(), tmp_path / "out", device="cpu") == {}
    assert load(tmp_path / "out").config == configure().model


class Steps(TrainerCallback):
    """Notes the updates that it is told of."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **others: Any) -> None:
        self.seen.append(state.global_step)


def test_tells_its_callbacks_of_every_step_and_shows_nothing_itself(
    configure: Configure, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    steps = Steps()
    train(configure(batch_size=2, epochs=2), tmp_path / "out", device="cpu", callbacks=[steps])
    # Three documents have pairs, so an epoch is two updates.
    assert steps.seen == [1, 2, 3, 4]
    assert capfd.readouterr().out == ""


def test_the_same_seed_gives_the_same_weights(configure: Configure, tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        train(configure(seed=seed), tmp_path / name, device="cpu")
    assert same_weights(tmp_path / "one", tmp_path / "again")
    assert not same_weights(tmp_path / "one", tmp_path / "other")


@pytest.fixture
def killed_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """Break off training after so many steps."""
    step = RelationTrainer.training_step

    def arrange(steps: int | None) -> None:
        taken: list[int] = []

        def training_step(self: RelationTrainer, *arguments: Any, **others: Any) -> Any:
            if len(taken) == steps:
                raise KeyboardInterrupt
            taken.append(1)
            return step(self, *arguments, **others)

        monkeypatch.setattr(RelationTrainer, "training_step", training_step)

    return arrange


@pytest.mark.parametrize("steps", [2, 3, 5])
def test_a_run_that_broke_off_goes_on_to_the_same_weights(
    configure: Configure, corpus_file: Path, tmp_path: Path, killed_after: Callable[[int | None], None], steps: int
) -> None:
    config = configure(dev=corpus_file, epochs=2, save_every=2)
    expected = train(config, tmp_path / "whole", device="cpu")
    killed_after(steps)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "out", device="cpu")
    killed_after(None)
    found = train(config, tmp_path / "out", resume=True, device="cpu")
    assert same_weights(tmp_path / "out", tmp_path / "whole")
    assert found["eval_f1"] == expected["eval_f1"]


@pytest.mark.parametrize("place", [0, 1])
def test_a_run_that_broke_off_while_scoring_scores_again(
    configure: Configure, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """Also where a state is due at the end of each epoch, which has three updates."""
    config = configure(dev=corpus_file, epochs=2, save_every=3)
    expected = train(config, tmp_path / "whole", device="cpu")
    score, scored = RelationTrainer.evaluate, count()

    def evaluate(self: RelationTrainer, *arguments: Any, **others: Any) -> dict[str, float]:
        if next(scored) == place:
            raise KeyboardInterrupt
        return score(self, *arguments, **others)

    with monkeypatch.context() as patch:
        patch.setattr(RelationTrainer, "evaluate", evaluate)
        with pytest.raises(KeyboardInterrupt):
            train(config, tmp_path / "out", device="cpu")
    assert train(config, tmp_path / "out", resume=True, device="cpu") == expected
    histories = [json.loads((tmp_path / name / "history.json").read_text()) for name in ("whole", "out")]
    whole, resumed = ([row for row in history if "eval_f1" in row] for history in histories)
    assert resumed == whole
    assert same_weights(tmp_path / "out", tmp_path / "whole")


def test_a_run_that_broke_off_before_its_first_state_starts_again(
    configure: Configure, tmp_path: Path, killed_after: Callable[[int | None], None]
) -> None:
    train(configure(), tmp_path / "whole", device="cpu")
    killed_after(1)
    with pytest.raises(KeyboardInterrupt):
        train(configure(), tmp_path / "out", device="cpu")
    assert not (tmp_path / "out" / "atlop.json").exists()
    killed_after(None)
    train(configure(), tmp_path / "out", resume=True, device="cpu")
    assert same_weights(tmp_path / "out", tmp_path / "whole")


@pytest.mark.parametrize("damaged", ["trainer_state.json", "model.safetensors", "optimizer.pt"])
def test_after_a_damaged_state_a_run_goes_on_from_the_one_before(
    configure: Configure, tmp_path: Path, damaged: str
) -> None:
    config = configure(epochs=2, save_every=2)
    train(config, tmp_path / "out", device="cpu")
    expected, states = load(tmp_path / "out").model.state_dict(), tmp_path / "out" / "states"
    assert sorted(path.name for path in states.iterdir()) == ["checkpoint-4", "checkpoint-6"]
    path = states / "checkpoint-6" / damaged
    path.write_bytes(path.read_bytes()[:-50])
    (tmp_path / "out" / "model.safetensors").unlink()
    train(config, tmp_path / "out", resume=True, device="cpu")
    found = load(tmp_path / "out").model.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_finished_run_can_be_resumed_to_no_effect(configure: Configure, corpus_file: Path, tmp_path: Path) -> None:
    config = configure(dev=corpus_file)
    first = train(config, tmp_path / "out", device="cpu")
    before = (tmp_path / "out" / "model.safetensors").read_bytes()
    assert train(config, tmp_path / "out", resume=True, device="cpu") == first
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == before


def test_a_folder_in_use_is_refused_and_left_alone(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(AtlopError) as caught:
        train(configure(), tmp_path / "out", device="cpu")
    expected = "is not empty; choose a new folder, or continue its run with --resume"
    assert str(caught.value) == f"{tmp_path}/out: {expected}"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]


def test_a_run_with_other_settings_is_not_resumed(configure: Configure, tmp_path: Path) -> None:
    train(configure(), tmp_path / "out", device="cpu")
    before = (tmp_path / "out" / "training.json").read_bytes()
    with pytest.raises(ConfigError) as caught:
        train(configure(seed=1, warmup=0.5), tmp_path / "out", resume=True, device="cpu")
    assert str(caught.value) == (
        f"--resume {tmp_path}/out: 2 mistakes\n"
        "  - warmup: got 0.5, the run began with 0.06; restore the setting, or choose a new folder\n"
        "  - seed: got 1, the run began with 66; restore the setting, or choose a new folder"
    )
    assert (tmp_path / "out" / "training.json").read_bytes() == before


UNUSABLE: dict[str, tuple[type[AtlopError], dict[str, Any]]] = {
    "a relation without a column": (LabelError, {"labels": "rel2id.json"}),
    "no encoder": (CheckpointError, {"encoder": "."}),
    "no room for the overlap": (ConfigError, {"model": ModelConfig(embedding_size=8, block_size=4)}),
    "nothing to score": (ScoringError, {"dev": "unlabelled.jsonl"}),
    "a precision that is not for this device": (AtlopError, {"precision": "fp16"}),
}


@pytest.mark.parametrize(("kind", "settings"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_trained_leaves_no_folder(
    configure: Configure, corpus: list[Document], tmp_path: Path, kind: type[AtlopError], settings: dict[str, Any]
) -> None:
    (tmp_path / "rel2id.json").write_text('{"Na": 0, "P1": 1}')
    write([document.with_relations(()) for document in corpus], tmp_path / "unlabelled.jsonl")
    settings = {k: str(tmp_path / v) if isinstance(v, str) and k != "precision" else v for k, v in settings.items()}
    with pytest.raises(kind):
        train(configure(**settings), tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()


def test_bf16_on_a_processor_without_it_is_told_before_anything_is_read(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLOP_DISABLE", "bf16")
    with pytest.raises(AtlopError) as caught:
        train(configure(precision="bf16", train=tmp_path / "none.jsonl"), tmp_path / "out", device="cpu")
    problem = "got 'bf16', which this processor does not support natively; use auto or fp32"
    assert str(caught.value) == f"precision: {problem}"


@pytest.mark.parametrize("precision", ["auto", "fp32"])
def test_dev_documents_are_scored_in_the_precision_of_prediction(
    configure: Configure, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    asked, backend = [], trainer_module.TorchBackend

    def noting(*arguments: Any, **others: Any) -> TorchBackend:
        asked.append(others["precision"])
        return backend(*arguments, **others)

    monkeypatch.setattr(trainer_module, "TorchBackend", noting)
    train(configure(dev=corpus_file, precision=precision), tmp_path / "out", device="cpu")
    assert asked == ["auto"]
    assert json.loads((tmp_path / "out" / "training.json").read_text())["precision"] == precision


def test_a_tokenizer_that_does_not_fit_its_encoder_is_told(
    configure: Configure, make_encoder: Callable[..., Path], tmp_path: Path
) -> None:
    encoder = make_encoder(vocab_size=50)
    with pytest.raises(CheckpointError) as caught:
        train(configure(encoder=str(encoder)), tmp_path / "out", device="cpu")
    problem = "the tokenizer has 137 subwords, but the encoder has embeddings for 50"
    expected = "use the tokenizer that the encoder was trained with"
    assert str(caught.value) == f"encoder '{encoder}': {problem}; {expected}"


def test_a_second_run_into_one_folder_is_refused_at_once(configure: Configure, tmp_path: Path) -> None:
    with claim(tmp_path / "out"), pytest.raises(AtlopError) as caught:
        train(configure(train=tmp_path / "none.jsonl"), tmp_path / "out", device="cpu")
    expected = "another run is training into this folder; wait for it, or choose a new folder"
    assert str(caught.value) == f"{tmp_path}/out: {expected}"


@pytest.mark.parametrize("kind", [OSError(28, "No space left on device"), RuntimeError("PytorchStreamWriter failed")])
def test_a_state_that_cannot_be_saved_is_told_and_removed(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise kind

    monkeypatch.setattr(RelationTrainer, "_save_rng_state", fail)
    with pytest.raises(AtlopError) as caught:
        train(configure(), tmp_path / "out", device="cpu")
    told = getattr(kind, "strerror", None) or str(kind)
    assert str(caught.value) == f"{tmp_path}/out/states/checkpoint-3: the state cannot be saved: {told}"
    assert not list((tmp_path / "out" / "states").iterdir())


def test_dev_types_that_training_never_showed_are_named_once(
    configure: Configure,
    build_document: Callable[..., Document],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    facts = (Relation(0, 1, "P1"),)
    write([build_document(["Ada wrote"], [(0, 0, 1, "LOC")], [(0, 1, 2)], relations=facts)], tmp_path / "dev.jsonl")
    train(configure(dev=tmp_path / "dev.jsonl", epochs=2), tmp_path / "out", device="cpu")
    named = [message for message in caplog.messages if message.startswith("entities of type")]
    assert named == ["entities of type LOC: the model was trained on PER and finds few or no relations of other types"]


CHEMICAL, DISEASE = ("Chemical", "D1"), ("Disease", "D2")


def test_pubtator_is_predicted_as_it_was_trained(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model of listed candidates keeps to their types, whichever way its documents come."""

    def document(title: str, *entities: tuple[str, str], **others: Any) -> Document:
        words = tuple(f"word{place}" for place in range(len(entities)))
        clusters = tuple(Entity((Mention(0, i, i + 1, kind, words[i]),), key) for i, (kind, key) in enumerate(entities))
        return Document(title, (words,), clusters, **others)

    facts = {"relations": (Relation(0, 1, "CID"),)}
    write([document("1", CHEMICAL, DISEASE, candidates=((0, 1),), **facts)], tmp_path / "train.jsonl")
    write([document("2", CHEMICAL, DISEASE, ("Chemical", "D3"), **facts)], tmp_path / "dev.jsonl")
    scored, dev_scores = [], trainer_module.dev_scores

    def noting(extractor: RelationExtractor, corpora: Corpora) -> dict[str, float]:
        scored.extend(score.pairs.tolist() for score in extractor.scores(corpora.dev_pubtator))
        return dev_scores(extractor, corpora)

    monkeypatch.setattr(trainer_module, "dev_scores", noting)
    dev = {"dev": tmp_path / "dev.jsonl", "dev_pubtator": tmp_path / "dev.jsonl"}
    train(configure(train=tmp_path / "train.jsonl", **dev), tmp_path / "out", device="cpu")
    (found,) = RelationExtractor(TorchBackend(load(tmp_path / "out"))).scores(
        [document("3", DISEASE, ("Disease", "D9"), CHEMICAL, ("Chemical", "D3"))]
    )
    assert found.pairs.tolist() == [[2, 0], [3, 0], [2, 1], [3, 1]]
    assert scored == [[[0, 1], [2, 1]]]


def test_an_overlap_that_the_window_has_no_room_for_is_told(configure: Configure, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        train(configure(model=ModelConfig(embedding_size=8, block_size=4)), tmp_path / "out", device="cpu")
    expected = "less than 62, the room in a window of 64 subwords"
    assert str(caught.value) == f"configuration: 1 mistake\n  - window_overlap: got 128, expected {expected}"


def test_a_model_that_memory_cannot_hold_is_told(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Checkpoint:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(module, "new_checkpoint", fail)
    with pytest.raises(AtlopError) as caught:
        train(configure(), tmp_path / "out", device="cpu")
    problem = "DefaultCPUAllocator: can't allocate memory"
    assert str(caught.value) == f"the model cannot be built at these sizes: {problem}"


def test_an_encoder_folder_that_is_missing_is_told(configure: Configure, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        train(configure(encoder="./none"), tmp_path / "out", device="cpu")
    assert str(caught.value) == "encoder './none': no such folder"


def test_an_encoder_that_cannot_be_loaded_is_told(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError) as caught:
        train(configure(encoder=str(tmp_path)), tmp_path / "out", device="cpu")
    assert str(caught.value) == (
        f"encoder '{tmp_path}': transformers cannot load it: "
        f"Unrecognized model in {tmp_path}. Should have a `model_type` key in its config.json."
    )


@pytest.fixture
def base(make_checkpoint: Callable[..., Checkpoint], tmp_path: Path) -> Path:
    """The folder of a model that knows P1, P2 and P3."""
    save(make_checkpoint(Calibration(1.0, scale=0.5), max_labels=2), tmp_path / "base")
    return tmp_path / "base"


def test_relations_that_a_model_knows_keep_their_weights(base: Path) -> None:
    old, new = load(base), start_from(str(base), initial_config(base), LabelMap(("P9", "P3", "P1", "P8")))
    before, after = old.model.bilinear.linear, new.model.bilinear.linear
    assert after.weight.shape == (5, before.weight.shape[1])
    for old_column, new_column in ((0, 0), (3, 2), (1, 3)):
        assert torch.equal(after.weight[new_column], before.weight[old_column])
        assert torch.equal(after.bias[new_column], before.bias[old_column])
    for new_column in (1, 4):
        assert not any(torch.equal(after.weight[new_column], row) for row in before.weight)
    others = (name for name in old.model.state_dict() if not name.startswith("bilinear."))
    assert all(torch.equal(new.model.state_dict()[name], old.model.state_dict()[name]) for name in others)


def test_what_a_model_knows_of_pairs_of_relations_and_of_types_goes_by_their_names(
    make_checkpoint: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    """Also where both label maps are of the same size."""
    old = make_checkpoint(interaction="reverse", mention_pooling="logsumexp-typed")
    labels = dataclasses.replace(old.labels, type_constraints=typed("A", "B"))
    model = build_model(old.model.encoder.transformer, old.config, labels)
    for part in (model.interaction.linear, model.pooling.types):
        torch.nn.init.normal_(part.weight)
    save(dataclasses.replace(old, model=model, labels=labels), tmp_path / "base")
    other = LabelMap(("P3", "P9", "P1"), type_constraints=typed("B", "C"))
    new = start_from(str(tmp_path / "base"), old.config, other).model
    before, after = model.interaction.linear.weight, new.interaction.linear.weight
    places = {0: 0, 1: 3, 3: 1}
    for row, column in product(range(4), range(4)):
        known = row in places and column in places
        assert after[row, column] == (before[places[row], places[column]] if known else 0)
    types = new.pooling.types.weight
    assert torch.equal(types[:2], model.pooling.types.weight[[0, 2]])  # any other, B
    assert types[2].eq(0).all()


def test_what_a_model_knows_of_mentions_and_entities_goes_by_the_names_of_their_types(
    make_reader: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    """LOC is the first type of the model and the second of two here, as many as it has."""
    old = make_reader()
    save(old, tmp_path / "base")
    labels = dataclasses.replace(old.labels, type_constraints=typed("BOAT", "LOC"))
    known = start_from(str(tmp_path / "base"), old.config, labels).model.state_dict()
    before, tags = old.model.state_dict(), "heads.mentions.tags"
    for name in (f"{tags}.weight", f"{tags}.bias"):
        assert torch.equal(known[name][[0, 3, 4]], before[name][[0, 1, 2]])  # outside, LOC begins, inside LOC
        assert not any(torch.equal(row, other) for row in known[name][1:3] for other in before[name])
    types = "heads.entities.types.weight"
    assert torch.equal(known[types][[0, 2]], before[types][[0, 1]])  # any other, LOC
    assert not any(torch.equal(known[types][1], row) for row in before[types])


def typed(*names: str) -> TypeConstraints:
    return TypeConstraints({name: frozenset(names) for name in names})


def test_a_model_to_start_from_keeps_its_settings_but_not_its_calibration(base: Path) -> None:
    assert initial_config(base) == load(base).config
    assert load(base).calibration != Calibration()
    assert start_from(str(base), initial_config(base), LabelMap(("P1",))).calibration == Calibration()


def test_settings_that_are_no_structure_apply_to_a_model_to_start_from(
    configure: Configure, base: Path, tmp_path: Path
) -> None:
    sizes = dataclasses.replace(initial_config(base), max_labels=1, window_overlap=8)
    train(configure(model=sizes, init=str(base)), tmp_path / "out", device="cpu")
    assert load(tmp_path / "out").config == sizes


def test_another_structure_than_that_of_the_model_to_start_from_is_told(
    configure: Configure, base: Path, tmp_path: Path
) -> None:
    sizes = ModelConfig(embedding_size=8, block_size=4, markers="each", window_overlap=16)
    with pytest.raises(ConfigError) as caught:
        train(configure(model=sizes, init=str(base)), tmp_path / "out", device="cpu")
    expected = "as in the model to start from; give it this value"
    assert str(caught.value) == (
        f"init '{base}': 2 mistakes\n"
        f"  - model.embedding_size: got 8, expected 12, {expected}\n"
        f"  - model.markers: got 'each', expected 'shared', {expected}"
    )
    assert not (tmp_path / "out").exists()


def test_a_run_from_a_model_is_resumed_from_the_same_model_only(
    configure: Configure, base: Path, tmp_path: Path
) -> None:
    config = configure(model=initial_config(base))
    train(dataclasses.replace(config, init=str(base)), tmp_path / "out", device="cpu")
    assert load(tmp_path / "out").config.embedding_size == 12
    assert load(tmp_path / "out").labels == LabelMap(("P1", "P2"), type_constraints=PEOPLE)
    with pytest.raises(ConfigError) as caught:
        train(config, tmp_path / "out", resume=True, device="cpu")
    message = f"init: got None, the run began with '{base}'; restore the setting, or choose a new folder"
    assert str(caught.value) == f"--resume {tmp_path}/out: 1 mistake\n  - {message}"


def test_a_failed_run_says_so_and_keeps_what_was_there(
    configure: Configure, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss that is no number is found where the model is scored, and no broken model is kept."""
    monkeypatch.setattr(module, "new_checkpoint", _broken(module.new_checkpoint))
    with pytest.raises(CheckpointError) as caught:
        train(configure(dev=corpus_file), tmp_path / "out", device="cpu")
    assert str(caught.value) == "document 'two': the model computed scores that are not finite"
    assert not (tmp_path / "out" / "atlop.json").exists()


def _broken(make: Callable[..., Checkpoint]) -> Callable[..., Checkpoint]:
    def run(*arguments: Any) -> Checkpoint:
        checkpoint = make(*arguments)
        with torch.no_grad():
            checkpoint.model.bilinear.linear.bias[1] = torch.nan
        return checkpoint

    return run
