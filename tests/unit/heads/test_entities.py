"""Which names belong together: how it is trained and found."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from atlop.batches import Batch, collate
from atlop.checkpoint import Checkpoint
from atlop.documents import Document
from atlop.features import Featurizer
from atlop.windows import SpecialSubwords

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def checkpoint(make_checkpoint: Callable[..., Checkpoint]) -> Checkpoint:
    return make_checkpoint(heads=["entities"], markers="none")


@pytest.fixture
def batch(
    build_document: Callable[..., Document], checkpoint: Checkpoint, special: SpecialSubwords
) -> Batch[torch.Tensor]:
    """Three names of one document, of which the first and the last belong together, and one name of another."""
    documents = [
        build_document(["Ada wrote to Lovelace ."], [(0, 0, 1), (0, 3, 4)], [(0, 1, 2)]),
        build_document(["Ada"], [(0, 0, 1)]),
    ]
    featurizer = Featurizer(checkpoint.tokenizer, checkpoint.config, 64, labels=checkpoint.labels)
    return collate([featurizer(document, labelled=True) for document in documents], special, 0).to("cpu")


def test_every_pair_of_names_has_a_score(checkpoint: Checkpoint, batch: Batch[torch.Tensor]) -> None:
    assert batch.names is not None
    assert batch.names.pairs.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert batch.names.together.tolist() == [False, True, False]
    assert checkpoint.model(batch).heads["entities"].shape == (3,)


def test_the_order_of_two_names_does_not_matter(checkpoint: Checkpoint, batch: Batch[torch.Tensor]) -> None:
    assert batch.names is not None
    found = checkpoint.model(batch).heads["entities"]
    batch.names.pairs.copy_(batch.names.pairs.flip(1))
    torch.testing.assert_close(checkpoint.model(batch).heads["entities"], found)


def test_the_loss_is_the_mean_over_pairs(checkpoint: Checkpoint, batch: Batch[torch.Tensor]) -> None:
    assert batch.names is not None
    output = checkpoint.model(batch)
    found = output.heads["entities"]
    probabilities = found.sigmoid()
    expected = -torch.where(batch.names.together, probabilities, 1 - probabilities).log().mean()
    torch.testing.assert_close(checkpoint.model.heads["entities"].loss(found, output), expected)  # type: ignore[operator]


def test_without_names_there_is_no_loss(
    checkpoint: Checkpoint, build_document: Callable[..., Document], special: SpecialSubwords
) -> None:
    featurizer = Featurizer(checkpoint.tokenizer, checkpoint.config, 64, labels=checkpoint.labels)
    document = build_document(["Ada wrote"], [(0, 0, 1)])
    for features in (featurizer(document), featurizer(document, labelled=True)):
        output = checkpoint.model(collate([features], special, 0).to("cpu"))
        assert checkpoint.model.heads["entities"].loss(output.heads["entities"], output).item() == 0  # type: ignore[operator]


def test_training_tells_names_apart(checkpoint: Checkpoint, batch: Batch[torch.Tensor]) -> None:
    model = checkpoint.model.eval()  # without dropout
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        output = model(batch)
        optimizer.zero_grad()
        model.heads["entities"].loss(output.heads["entities"], output).backward()  # type: ignore[operator]
        optimizer.step()
    assert batch.names is not None
    found = model(batch).heads["entities"]
    assert (found > 0).tolist() == batch.names.together.tolist() == [False, True, False]


def test_names_move_to_a_device(batch: Batch[torch.Tensor]) -> None:
    moved = batch.to("meta").names
    assert moved is not None
    assert {moved.places.device, moved.likeness.device} == {torch.device("meta")}
