"""Two ways of scoring are compared pair by pair, and the textbook is the product in another way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from benchmarks.contenders import product_of, textbook_of
from benchmarks.predict import differences, product_logits, textbook_logits
from benchmarks.train import product_updater, textbook_updater

from atlop.checkpoint import Checkpoint
from atlop.config import ModelConfig
from atlop.documents import Document, Relation
from atlop.features import Featurizer

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def texts(build_document: Callable[..., Document]) -> list[Document]:
    places = [[(0, 0, 1)], [(0, 3, 4), (0, 1, 2)], [(0, 2, 3)]]
    short = build_document(["Ada wrote to Lovelace ."], *places, title="a", relations=(Relation(0, 1, "P2"),))
    return [build_document(["the Ada wrote to the Lovelace ."] * 5, *places, title="b"), short]


def test_differences() -> None:
    expected = np.array([[0.0, 1.0, -1.0], [0.0, -1.0, -2.0], [0.0, 3.0, 4.0]], dtype=np.float32)
    found = np.array([[0.0, 1.5, -1.0], [0.0, 0.25, -2.0], [0.0, 4.0, 3.0]], dtype=np.float32)
    wanted = {"pairs": 3, "largest_logit_difference": 1.25}
    # The second pair gains a relation; with one relation a pair at the most, the third has another one.
    assert differences(expected, found, ModelConfig(max_labels=None)) == {**wanted, "decisions_changed": 1}
    assert differences(expected, found, ModelConfig(max_labels=1)) == {**wanted, "decisions_changed": 2}
    # From two below the threshold on, a relation counts, but for one that is exactly there.
    assert differences(expected, found, ModelConfig(max_labels=None, threshold_offset=2.0)) == {
        **wanted,
        "decisions_changed": 0,
    }


def test_both_say_the_same(tiny_checkpoint: Checkpoint, texts: list[Document]) -> None:
    textbook = textbook_of(tiny_checkpoint, "cpu")
    product = product_of(tiny_checkpoint, device="cpu", precision="fp32")
    expected = textbook_logits(textbook, [product.featurizer(text) for text in texts])
    assert expected.shape == (12, 4)
    assert np.abs(expected - product_logits(product, texts)).max() < 1e-4


def test_both_train_the_same(tiny_checkpoint: Checkpoint, texts: list[Document]) -> None:
    """On the same batches from the same weights without dropout, and both come away from where they began."""
    featurizer = Featurizer(tiny_checkpoint.tokenizer, tiny_checkpoint.config, 64)
    batch = [featurizer(text, tiny_checkpoint.labels) for text in texts]
    textbook = textbook_updater(tiny_checkpoint, device="cpu", dropout=False)
    product = product_updater(tiny_checkpoint, device="cpu", precision="fp32", dropout=False)
    losses = [(textbook(batch), product(batch)) for _ in range(5)]
    assert max(abs(first - second) for first, second in losses) < 1e-5
    assert losses[4][0] < losses[0][0]
