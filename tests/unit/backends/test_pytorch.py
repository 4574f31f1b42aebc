from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from atlop.backends.devices import choose_device, choose_precision, has_bf16
from atlop.backends.pytorch import TorchBackend
from atlop.backends.workers import Workers
from atlop.batches import collate
from atlop.checkpoint import Checkpoint
from atlop.documents import Document
from atlop.errors import AtlopError
from atlop.features import Features, Featurizer
from atlop.windows import SpecialSubwords

pytestmark = pytest.mark.usefixtures("one_thread")

BuildDocument = Callable[..., Document]
MakeCheckpoint = Callable[..., Checkpoint]


@pytest.fixture
def features(tiny_checkpoint: Checkpoint, build_document: BuildDocument) -> list[Features]:
    """Two documents, of two and three entities."""
    featurizer = Featurizer(tiny_checkpoint.tokenizer, tiny_checkpoint.config, 64, labels=tiny_checkpoint.labels)
    places = [[(0, 0, 1)], [(0, 3, 4)], [(0, 4, 5)]]
    return [featurizer(build_document(["Ada wrote to Lovelace ."], *places[:count])) for count in (2, 3)]


def test_logits_come_document_by_document(tiny_checkpoint: Checkpoint, features: list[Features]) -> None:
    (together,) = TorchBackend(tiny_checkpoint).scores([features])
    assert [(output.logits.shape, output.logits.dtype) for output in together] == [
        ((2, 4), np.float32),
        ((6, 4), np.float32),
    ]
    alone = [output for (output,) in TorchBackend(tiny_checkpoint).scores([[document] for document in features])]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.logits, other.logits, atol=1e-5)


def test_evidence_is_the_context_of_each_pair_by_sentence(
    make_checkpoint: MakeCheckpoint, build_document: BuildDocument
) -> None:
    checkpoint = make_checkpoint(heads=["evidence"])
    featurizer = Featurizer(checkpoint.tokenizer, checkpoint.config, 64, labels=checkpoint.labels)
    texts = ["Ada wrote to Lovelace .", "Lovelace wrote to Ada .", "She wrote ."]
    features = [
        featurizer(build_document(texts[:2], [(0, 0, 1)], [(1, 0, 1)])),
        featurizer(build_document(texts, [(0, 0, 1)], [(1, 0, 1)], [(2, 0, 1)])),
    ]
    ((short, long),) = TorchBackend(checkpoint).scores([features])
    assert short.evidence is not None
    assert long.evidence is not None
    assert (short.evidence.shape, long.evidence.shape) == ((2, 2), (6, 3))
    # Both directions of a pair have one context, whose weights on markers and special subwords are in no sentence.
    order = features[1].pairs.tolist()
    np.testing.assert_array_equal(long.evidence[order.index([0, 2])], long.evidence[order.index([2, 0])])
    assert (long.evidence > 0).all()
    assert (long.evidence.sum(1) < 1).all()
    model, batch = checkpoint.model.eval(), collate(features[1:], SpecialSubwords.of(checkpoint.tokenizer), 0)
    model.context.keeps_sentences = True
    with torch.no_grad():
        expected = model(batch.to("cpu")).contexts.by_sentence
    np.testing.assert_allclose(long.evidence, expected[batch.pair_contexts], atol=1e-5)


@pytest.mark.parametrize("settings", [{"context": "none", "heads": ["evidence"]}, {}])
def test_a_model_without_contexts_or_not_trained_on_evidence_has_none(
    make_checkpoint: MakeCheckpoint, features: list[Features], settings: dict[str, Any]
) -> None:
    ((output, _),) = TorchBackend(make_checkpoint(**settings)).scores([features])
    assert output.evidence is None


def test_says_what_the_checkpoint_says(tiny_checkpoint: Checkpoint) -> None:
    backend = TorchBackend(tiny_checkpoint)
    assert (backend.config, backend.labels) == (tiny_checkpoint.config, tiny_checkpoint.labels)
    assert backend.tokenizer is tiny_checkpoint.tokenizer
    assert backend.window == 64


@pytest.mark.parametrize(("device", "subwords"), [("cpu", 768), ("meta", 16384)])
def test_batches_are_small_on_a_cpu(tiny_checkpoint: Checkpoint, device: str, subwords: int) -> None:
    assert TorchBackend(tiny_checkpoint, device=device).batch_subwords == subwords


@pytest.mark.skipif(not has_bf16(torch.device("cpu")), reason="this processor has no bf16")
def test_bf16_gives_about_the_same_scores_as_fp32(make_checkpoint: MakeCheckpoint, features: list[Features]) -> None:
    exact, rough = (
        np.concatenate(
            [output.logits for output in next(TorchBackend(make_checkpoint(), precision=name).scores([features]))]
        )
        for name in ("fp32", "bf16")
    )
    assert rough.dtype == np.float32
    assert 0 < np.abs(exact - rough).max() < 0.3


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_several_workers_score_what_one_does(
    tiny_checkpoint: Checkpoint, features: list[Features], threads: int
) -> None:
    expected = [output for (output,) in TorchBackend(tiny_checkpoint).scores([[document] for document in features])]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        backend = TorchBackend(tiny_checkpoint)
        assert torch.get_num_threads() == threads
        found = list(backend.scores([features[place % 2]] for place in range(20)))
    finally:
        torch.set_num_threads(before)
    assert len(found) == 20
    for place, (output,) in enumerate(found):
        np.testing.assert_allclose(output.logits, expected[place % 2].logits, atol=1e-5)


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (2, 5)])
def test_the_number_of_threads_may_change_after_loading(
    tiny_checkpoint: Checkpoint, features: list[Features], before: int, after: int
) -> None:
    own = torch.get_num_threads()
    try:
        torch.set_num_threads(before)
        backend = TorchBackend(tiny_checkpoint)
        torch.set_num_threads(after)
        seen = [torch.get_num_threads() for _ in backend.scores([features] * 5)]
        assert (seen, torch.get_num_threads()) == ([after] * 5, after)
    finally:
        torch.set_num_threads(own)


def test_the_number_of_threads_is_not_read_while_workers_share_them() -> None:
    own = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        one, other = Workers(), Workers()
        seen = one.run(lambda: other.run(torch.get_num_threads))
        assert (seen, torch.get_num_threads()) == (1, 2)
    finally:
        torch.set_num_threads(own)


def test_the_weights_of_the_checkpoint_stay_as_they_are(tiny_checkpoint: Checkpoint, features: list[Features]) -> None:
    before = {name: weight.clone() for name, weight in tiny_checkpoint.model.state_dict().items()}
    list(TorchBackend(tiny_checkpoint).scores([features]))
    assert all(weight.equal(before[name]) for name, weight in tiny_checkpoint.model.state_dict().items())
    assert all(weight.requires_grad for weight in tiny_checkpoint.model.parameters())


# Devices and precisions


@pytest.fixture
def bf16(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Say whether the processor multiplies in bf16."""
    monkeypatch.delenv("ATLOP_DISABLE", raising=False)
    return lambda there: monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": there})


@pytest.mark.parametrize(("there", "chosen"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_bf16_where_the_processor_has_it(bf16: Callable[[bool], None], there: bool, chosen: str) -> None:
    bf16(there)
    assert choose_precision("auto", torch.device("cpu")) == chosen
    assert choose_precision("auto", torch.device("mps")) == "fp32"


def test_bf16_can_be_disabled(bf16: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch) -> None:
    bf16(True)
    monkeypatch.setenv("ATLOP_DISABLE", "bf16")
    assert choose_precision("auto", torch.device("cpu")) == "fp32"


@pytest.mark.parametrize(
    ("name", "training", "problem"),
    [
        ("bf16", False, "got 'bf16', which this processor does not support natively; use auto or fp32"),
        ("bf16", True, "got 'bf16', which this processor does not support natively; use auto or fp32"),
        ("fp16", True, "got 'fp16', which is for CUDA GPUs and not for cpu; use auto or fp32"),
        ("fp16", False, "got 'fp16', expected one of auto, fp32, bf16"),
        ("int8", False, "got 'int8', expected one of auto, fp32, bf16"),
    ],
)
def test_a_precision_that_the_device_lacks_is_one_line(
    bf16: Callable[[bool], None], name: str, training: bool, problem: str
) -> None:
    bf16(False)
    with pytest.raises(AtlopError) as caught:
        choose_precision(name, torch.device("cpu"), training=training)
    assert str(caught.value) == f"precision: {problem}"


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say which devices the machine has."""

    def have(*names: str) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in names)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in names)

    return have


@pytest.mark.parametrize(
    ("there", "name", "expected"),
    [
        ((), "auto", "cpu"),
        (("cuda",), "auto", "cuda"),
        (("mps",), "auto", "mps"),
        (("cuda",), "cpu", "cpu"),
        (("cuda", "mps"), "mps", "mps"),
    ],
)
def test_a_device_is_chosen(devices: Callable[..., None], there: tuple[str, ...], name: str, expected: str) -> None:
    devices(*there)
    assert choose_device(name) == torch.device(expected)


@pytest.mark.parametrize(
    ("there", "name", "known"),
    [((), "cuda", "auto, cpu"), ((), "gpu", "auto, cpu"), (("cuda",), "mps", "auto, cuda, cpu")],
)
def test_a_device_that_is_not_there_is_told(
    devices: Callable[..., None], there: tuple[str, ...], name: str, known: str
) -> None:
    devices(*there)
    with pytest.raises(AtlopError) as caught:
        choose_device(name)
    assert str(caught.value) == f"device: got '{name}', expected one of {known}, which this machine has"
