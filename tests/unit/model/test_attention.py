"""The attention function against plain torch operations."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from atlop.model.attention import (
    MentionRows,
    Projections,
    attend,
    attention_rows,
    attention_with_mention_rows,
)

pytestmark = pytest.mark.usefixtures("one_thread")

WINDOWS, HEADS, LENGTH, SIZE = 2, 3, 7, 4
SCALE = 0.5


@pytest.fixture
def inputs() -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value, in double precision."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, WINDOWS, HEADS, LENGTH, SIZE, generator=generator, dtype=torch.float64)
    return query, key, value


@pytest.fixture
def mask() -> Tensor:
    """The second window holds four subwords, the rest is padding; as SDPA wants it, [W, 1, S, S]."""
    used = torch.ones(WINDOWS, LENGTH, dtype=torch.bool)
    used[1, 4:] = False
    return used[:, None, None, :].expand(-1, 1, LENGTH, -1)


POSITIONS = torch.tensor([[0, 6, 3], [2, 2, 0]])
"""Positions of mention starts; a position may be asked for twice."""


def eager(query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:
    scores = torch.einsum("whqd,whkd->whqk", query, key) * SCALE
    return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(-1)


def chosen(weights: Tensor) -> Tensor:
    rows = [[weights[w, :, place] for place in places] for w, places in enumerate(POSITIONS.tolist())]
    return torch.stack([torch.stack(row, dim=1) for row in rows])


def call(inputs: tuple[Tensor, ...], mask: Tensor | None, rows: MentionRows, dropout: float = 0.0) -> Tensor:
    module = nn.Module()
    module.is_causal = False  # type: ignore[assignment]
    options = {"mention_rows": rows, "scaling": SCALE, "dropout": dropout}
    return attention_with_mention_rows(module, *inputs, mask, **options)[0]


@pytest.mark.parametrize("masked", [True, False])
def test_rows_are_those_of_the_whole_map(inputs: tuple[Tensor, ...], mask: Tensor, masked: bool) -> None:
    query, key, _ = inputs
    used = mask if masked else None
    rows = attention_rows(Projections(query, key, SCALE), used, POSITIONS)
    assert rows.shape == (WINDOWS, HEADS, 3, LENGTH)
    torch.testing.assert_close(rows.double(), chosen(eager(query, key, used)), atol=1e-6, rtol=0)


def test_rows_read_the_mask_of_their_own_query(inputs: tuple[Tensor, ...]) -> None:
    """As in an encoder whose last layer attends locally."""
    query, key, _ = inputs
    places = torch.arange(LENGTH)
    near = ((places[:, None] - places[None, :]).abs() <= 1).expand(WINDOWS, 1, -1, -1)
    rows = attention_rows(Projections(query, key, SCALE), near, POSITIONS)
    torch.testing.assert_close(rows.double(), chosen(eager(query, key, near)), atol=1e-6, rtol=0)
    assert rows[0, :, 1, :5].eq(0).all()


def test_only_the_last_of_the_calls_leaves_rows(inputs: tuple[Tensor, ...], mask: Tensor) -> None:
    query, key, value = inputs
    rows = MentionRows(POSITIONS, attend, layers=3)
    for _ in range(2):
        call((key, query, value), mask, rows)
        assert rows.rows is None
        assert rows.projections is None
    output = call(inputs, mask, rows)
    weights = eager(query, key, mask)
    assert rows.rows is not None
    torch.testing.assert_close(rows.rows.double(), chosen(weights), atol=1e-6, rtol=0)
    torch.testing.assert_close(output, (weights @ value).transpose(1, 2))
    assert rows.projections == Projections(query, key, SCALE)


def test_the_default_scale_is_one_over_the_root_of_the_size(inputs: tuple[Tensor, ...], mask: Tensor) -> None:
    query, key, value = inputs
    rows = MentionRows(POSITIONS, attend, layers=1)
    output, _ = attention_with_mention_rows(nn.Module(), query, key, value, mask, mention_rows=rows)
    # One over the root of four features is the scale of this file.
    torch.testing.assert_close(output, (eager(query, key, mask) @ value).transpose(1, 2))


@pytest.mark.parametrize("masked", [True, False])
def test_dropout_drops_weights_and_scales_up_the_rest(inputs: tuple[Tensor, ...], mask: Tensor, masked: bool) -> None:
    used = mask if masked else None
    torch.manual_seed(3)
    output, weights = attend(nn.Module(), *inputs, used, SCALE, 0.5)
    assert weights is not None
    whole = eager(inputs[0], inputs[1], used)
    kept = weights.ne(0)
    torch.testing.assert_close(weights, torch.where(kept, whole * 2, 0))
    assert 0.3 < (~kept[whole.ne(0)]).double().mean() < 0.7
    torch.testing.assert_close(output, weights @ inputs[2])


def test_the_rows_of_a_training_pass_are_those_that_made_the_output(inputs: tuple[Tensor, ...], mask: Tensor) -> None:
    rows = MentionRows(POSITIONS, attend, layers=1)
    torch.manual_seed(3)
    output = call(inputs, mask, rows, dropout=0.5)
    torch.manual_seed(3)
    expected, weights = attend(nn.Module(), *inputs, mask, SCALE, 0.5)
    assert rows.rows is not None
    assert weights is not None
    torch.testing.assert_close(rows.rows.double(), chosen(weights), atol=1e-6, rtol=0)
    torch.testing.assert_close(output, expected.transpose(1, 2))


def test_rows_carry_gradients(inputs: tuple[Tensor, ...]) -> None:
    query, key, _ = (tensor.clone().requires_grad_() for tensor in inputs)
    attention_rows(Projections(query, key, SCALE), None, POSITIONS).square().sum().backward()
    assert query.grad is not None
    asked = query.grad.abs().sum((1, 3)) > 0
    assert asked.nonzero().tolist() == [[0, 0], [0, 3], [0, 6], [1, 0], [1, 2]]
