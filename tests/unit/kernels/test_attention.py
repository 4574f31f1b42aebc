"""The attention function against plain torch operations."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from atlop.kernels import attention
from atlop.kernels.attention import (
    MentionRows,
    attend_in_blocks,
    attend_with_dropout,
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
"""Places of mention starts; a place may be asked for twice."""


def eager(query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:
    scores = torch.einsum("whqd,whkd->whqk", query, key) * SCALE
    return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(-1)


def chosen(weights: Tensor) -> Tensor:
    rows = [[weights[w, :, place] for place in places] for w, places in enumerate(POSITIONS.tolist())]
    return torch.stack([torch.stack(row, dim=1) for row in rows])


def call(
    inputs: tuple[Tensor, ...], mask: Tensor | None, rows: MentionRows | None, dropout: float = 0.0
) -> tuple[Tensor, None]:
    query, key, value = inputs
    return attention_with_mention_rows(
        nn.Module(), query, key, value, mask, mention_rows=rows, scaling=SCALE, dropout=dropout, is_causal=False
    )


@pytest.mark.parametrize("masked", [True, False])
def test_rows_are_those_of_the_whole_map(inputs: tuple[Tensor, ...], mask: Tensor, masked: bool) -> None:
    query, key, _ = inputs
    used = mask if masked else None
    rows = attention_rows(query, key, used, SCALE, POSITIONS)
    assert rows.shape == (WINDOWS, HEADS, 3, LENGTH)
    torch.testing.assert_close(rows.double(), chosen(eager(query, key, used)), atol=1e-6, rtol=0)


def test_rows_read_the_mask_of_their_own_query(inputs: tuple[Tensor, ...]) -> None:
    """As in an encoder whose last layer looks at near places only."""
    query, key, _ = inputs
    places = torch.arange(LENGTH)
    near = ((places[:, None] - places[None, :]).abs() <= 1).expand(WINDOWS, 1, -1, -1)
    rows = attention_rows(query, key, near, SCALE, POSITIONS)
    torch.testing.assert_close(rows.double(), chosen(eager(query, key, near)), atol=1e-6, rtol=0)
    assert rows[0, :, 1, :5].eq(0).all()


def test_only_the_last_of_the_calls_leaves_rows(inputs: tuple[Tensor, ...], mask: Tensor) -> None:
    query, key, value = inputs
    rows = MentionRows(POSITIONS, layers=3)
    for _ in range(2):
        call((key, query, value), mask, rows)
        assert rows.rows is None
    output, _ = call(inputs, mask, rows)
    weights = eager(query, key, mask)
    assert rows.rows is not None
    torch.testing.assert_close(rows.rows.double(), chosen(weights), atol=1e-6, rtol=0)
    torch.testing.assert_close(output, (weights @ value).transpose(1, 2))


def test_without_mention_rows_it_only_attends(inputs: tuple[Tensor, ...], mask: Tensor) -> None:
    query, key, value = inputs
    output, weights = call(inputs, mask, None)
    assert weights is None
    torch.testing.assert_close(output, (eager(query, key, mask) @ value).transpose(1, 2))


def test_the_usual_scale_stands_in_for_none(inputs: tuple[Tensor, ...]) -> None:
    query, key, value = inputs
    output, _ = attention_with_mention_rows(nn.Module(), query, key, value, None, is_causal=False)
    # One over the square root of four features is the scale of this file.
    torch.testing.assert_close(output, (eager(query, key, None) @ value).transpose(1, 2))


@pytest.mark.parametrize("masked", [True, False])
def test_attention_with_dropout_and_its_gradient_are_those_of_plain_operations(
    inputs: tuple[Tensor, ...], mask: Tensor, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = mask if masked else None
    keep = (torch.rand(WINDOWS, HEADS, LENGTH, LENGTH, generator=torch.Generator().manual_seed(1)) < 0.7).byte()
    monkeypatch.setattr(attention, "keep_mask", lambda shape, probability, device: keep)
    ours = [tensor.clone().requires_grad_() for tensor in inputs]
    plain = [tensor.clone().requires_grad_() for tensor in inputs]
    output, weights = attend_with_dropout(*ours, used, SCALE, 0.3)
    expected_weights = eager(plain[0], plain[1], used) * keep / 0.7
    torch.testing.assert_close(weights, expected_weights)
    torch.testing.assert_close(output, expected_weights @ plain[2])
    # Both results are used, as the model pools the weights and the next layer reads the output.
    factors = torch.randn(2, *output.shape[:3], 1, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    (output.mul(factors[0]).sum() + weights.square().mul(factors[1]).sum()).backward()
    ((expected_weights @ plain[2]).mul(factors[0]).sum() + expected_weights.square().mul(factors[1]).sum()).backward()
    for found, expected in zip(ours, plain, strict=True):
        torch.testing.assert_close(found.grad, expected.grad)


def test_the_rows_of_a_training_pass_are_those_that_made_the_output(inputs: tuple[Tensor, ...], mask: Tensor) -> None:
    rows = MentionRows(POSITIONS, layers=1)
    torch.manual_seed(3)
    output, _ = call(inputs, mask, rows, dropout=0.5)
    torch.manual_seed(3)
    expected_output, weights = attend_with_dropout(*inputs, mask, SCALE, 0.5)
    assert rows.rows is not None
    torch.testing.assert_close(rows.rows.double(), chosen(weights), atol=1e-6, rtol=0)
    torch.testing.assert_close(output, expected_output.transpose(1, 2))
    assert rows.rows.eq(0).any()
    assert rows.rows.sum(-1).ne(1).any()


def test_rows_carry_gradients(inputs: tuple[Tensor, ...]) -> None:
    query, key, _ = (tensor.clone().requires_grad_() for tensor in inputs)
    attention_rows(query, key, None, SCALE, POSITIONS).square().sum().backward()
    assert query.grad is not None
    asked = query.grad.abs().sum((1, 3)) > 0
    assert asked.nonzero().tolist() == [[0, 0], [0, 3], [0, 6], [1, 0], [1, 2]]


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("at_once", [1, 40, 10_000])
def test_attention_in_blocks_is_that_of_plain_operations(
    inputs: tuple[Tensor, ...], mask: Tensor, masked: bool, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "SCORES_AT_ONCE", at_once)
    query, key, value = inputs
    used = mask if masked else None
    torch.testing.assert_close(attend_in_blocks(query, key, value, used, SCALE), eager(query, key, used) @ value)


@pytest.mark.parametrize("step", [1, 2, LENGTH, 10])
def test_subwords_that_fill_windows_up_are_not_attended(
    inputs: tuple[Tensor, ...], step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "LENGTH_STEP", step)
    monkeypatch.setattr(attention, "SCORES_AT_ONCE", 40)
    query, key, value = inputs
    found = attend_in_blocks(query, key, value, None, SCALE)
    assert found.shape == value.shape
    torch.testing.assert_close(found, eager(query, key, None) @ value)


def test_prediction_in_bf16_goes_by_blocks(inputs: tuple[Tensor, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = attention.attend_in_blocks
    monkeypatch.setattr(attention, "attend_in_blocks", lambda *given: calls.append(1) or original(*given))
    for dtype in (torch.float32, torch.bfloat16):
        with torch.inference_mode():
            attention_with_mention_rows(nn.Module(), *(tensor.to(dtype) for tensor in inputs), None, is_causal=False)
    assert calls == [1]
