"""The loss on its own: values and gradients by hand, the model's loss, and what it says of wrong shapes."""

from __future__ import annotations

import math
import re

import pytest
import torch
from torch import nn

from atlop.decoding import decode
from atlop.model.scores import AdaptiveThreshold
from atlop.multilabel import AdaptiveThresholdLoss
from atlop.parts import Sizes

pytestmark = pytest.mark.usefixtures("one_thread")

LOSS = AdaptiveThresholdLoss()
EXPONENTIALS = torch.tensor([1.0, 2.0, 3.0])
"""Those of the logits of a threshold and two labels; they add up to 6."""
ROWS = "expected [N, C+1]: the threshold and at least one label in each row"


@pytest.mark.parametrize(
    ("labels", "expected", "gradient"),
    [
        # No label: the threshold has 1 of 6.
        ([0, 0], math.log(6), [1 / 6 - 1, 2 / 6, 3 / 6]),
        # Both: the first has 2 of 6, the second 3 of 6, and nothing competes with the threshold.
        ([1, 1], math.log(6 / 2) + math.log(6 / 3), [2 / 6, 4 / 6 - 1, 6 / 6 - 1]),
        # The first: it has 2 of 3 beside the threshold, which has 1 of 4 beside the second.
        ([1, 0], math.log(3 / 2) + math.log(4), [1 / 3 + 1 / 4 - 1, 2 / 3 - 1, 3 / 4]),
    ],
)
def test_value_and_gradient_by_hand(labels: list[int], expected: float, gradient: list[float]) -> None:
    logits = EXPONENTIALS.log()[None].requires_grad_()
    loss = LOSS(logits, torch.tensor([labels]))
    loss.backward()
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.tensor([gradient]), atol=1e-6, rtol=0)


def test_loss_is_the_mean_over_examples() -> None:
    logits = EXPONENTIALS.log().expand(2, 3)
    loss = LOSS(logits, torch.tensor([[0, 0], [1, 1]]))
    assert loss.shape == ()
    assert loss.item() == pytest.approx(math.log(6), abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float32])
def test_loss_is_that_of_the_model(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20, 8, generator=generator)
    labels = torch.rand(20, 7, generator=generator) < 0.3
    column = torch.zeros(20, 1, dtype=torch.bool)
    expected = AdaptiveThreshold(Sizes(4, 8, 0)).loss(logits, torch.cat([column, labels], 1))
    assert LOSS(logits, labels.to(dtype)).equal(expected)


def test_gradient_is_that_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 5, generator=generator, dtype=torch.float64).requires_grad_()
    labels = torch.tensor([[0, 0, 0, 0], [1, 0, 0, 0], [1, 0, 1, 1], [1, 1, 1, 1]])
    # Steps are wide, as the loss is computed in single precision.
    assert torch.autograd.gradcheck(lambda each: LOSS(each, labels).double(), logits, eps=1e-2, atol=1e-3)


def test_no_examples_have_loss_0() -> None:
    logits = torch.zeros(0, 4, requires_grad=True)
    loss = LOSS(logits, torch.zeros(0, 3))
    loss.backward()
    assert loss.item() == 0


def test_labels_are_left_alone() -> None:
    labels = torch.ones(2, 3)
    LOSS(torch.zeros(2, 4), labels)
    assert labels.equal(torch.ones(2, 3))


def test_a_layer_learns_any_number_of_labels() -> None:
    torch.manual_seed(0)
    labels = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 1], [1, 1, 1]]).bool()
    layer, inputs = nn.Linear(4, 4), torch.eye(4)
    optimizer = torch.optim.Adam(layer.parameters(), 0.1)
    for _ in range(100):
        optimizer.zero_grad()
        LOSS(layer(inputs), labels).backward()
        optimizer.step()
    assert decode(layer(inputs).detach().numpy())[:, 1:].tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        ((4,), (3,), f"got logits [4], {ROWS}"),
        ((2, 3, 4), (2, 3, 3), f"got logits [2, 3, 4], {ROWS}"),
        ((2, 1), (2, 0), f"got logits [2, 1], {ROWS}"),
        ((2, 4), (2, 2), "got labels [2, 2] with logits [2, 4], expected labels [2, 3]"),
        ((2, 4), (3, 3), "got labels [3, 3] with logits [2, 4], expected labels [2, 3]"),
        (
            (2, 4),
            (2, 4),
            "got labels [2, 4] with logits [2, 4], expected labels [2, 3]; leave out the column of the threshold",
        ),
        (
            (2, 4),
            (2,),
            "got labels [2] with logits [2, 4], expected labels [2, 3]; "
            "give each example a row of 0 and 1, not the index of its label",
        ),
    ],
)
def test_wrong_shapes(logits: tuple[int, ...], labels: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        LOSS(torch.zeros(logits), torch.zeros(labels))
