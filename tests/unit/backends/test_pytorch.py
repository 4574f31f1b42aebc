from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from atlop.backends.pytorch import TorchBackend, choose_device
from atlop.checkpoint import Checkpoint
from atlop.documents import Document
from atlop.errors import AtlopError
from atlop.features import Features, Featurizer

pytestmark = pytest.mark.usefixtures("one_thread")

BuildDocument = Callable[..., Document]
MakeCheckpoint = Callable[..., Checkpoint]


@pytest.fixture
def features(tiny_checkpoint: Checkpoint, build_document: BuildDocument) -> list[Features]:
    """Two documents, of two and three entities."""
    featurizer = Featurizer(tiny_checkpoint.tokenizer, tiny_checkpoint.config, 64)
    places = [[(0, 0, 1)], [(0, 3, 4)], [(0, 4, 5)]]
    return [featurizer(build_document(["Ada wrote to Lovelace ."], *places[:count])) for count in (2, 3)]


def test_logits_come_document_by_document(tiny_checkpoint: Checkpoint, features: list[Features]) -> None:
    logits = TorchBackend(tiny_checkpoint).logits(features)
    assert [(rows.shape, rows.dtype) for rows in logits] == [((2, 4), np.float32), ((6, 4), np.float32)]
    alone = [TorchBackend(tiny_checkpoint).logits([document])[0] for document in features]
    np.testing.assert_allclose(np.concatenate(logits), np.concatenate(alone), atol=1e-5)


def test_says_what_the_checkpoint_says(tiny_checkpoint: Checkpoint) -> None:
    backend = TorchBackend(tiny_checkpoint)
    assert (backend.config, backend.labels) == (tiny_checkpoint.config, tiny_checkpoint.labels)
    assert backend.tokenizer is tiny_checkpoint.tokenizer
    assert backend.window == 64


@pytest.mark.parametrize(("device", "threads", "subwords"), [("cpu", 1, 1024), ("cpu", 4, 4096), ("meta", 4, 16384)])
def test_a_processor_is_given_less_at_once(
    tiny_checkpoint: Checkpoint, device: str, threads: int, subwords: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert TorchBackend(tiny_checkpoint, device=device).subwords_at_once == subwords


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_reduced_precision_gives_about_the_same_scores_as_fp32(
    make_checkpoint: MakeCheckpoint, features: list[Features], precision: str
) -> None:
    exact, rough = (
        np.concatenate(TorchBackend(make_checkpoint(), precision=name).logits(features)) for name in ("fp32", precision)
    )
    assert rough.dtype == np.float32
    assert 0 < np.abs(exact - rough).max() < 0.3


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
