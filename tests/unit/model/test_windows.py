"""Joining windows, by hand: a document of five subwords in two windows, and one of two in a single window."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from atlop.model import encoder

pytestmark = pytest.mark.usefixtures("one_thread")

LENGTH = 5
NOWHERE = 2 * LENGTH
PLACES = torch.tensor([[0, 1, 2, NOWHERE], [NOWHERE, 2, 3, 4], [5, 6, NOWHERE, NOWHERE]])
"""The first two windows share place 2; the others are frames and padding."""
COVERAGE = torch.tensor([[1, 1, 2, 1, 1], [1, 1, 0, 0, 0]])


def join_states(states: Tensor, places: Tensor, coverage: Tensor) -> Tensor:
    batch: Any = SimpleNamespace(token_places=places, coverage=coverage)
    return encoder._join_states(states, batch)


def join_rows(rows: Tensor, columns: Tensor, mentions: Tensor, split: Tensor, length: int) -> Tensor:
    batch: Any = SimpleNamespace(
        row_columns=columns, row_mentions=mentions, mention_split=split, coverage=torch.zeros(1, length)
    )
    return encoder.join_rows(rows, batch)


def test_states_are_averaged_where_windows_overlap() -> None:
    states = torch.tensor([[1, 2, 3, 99], [99, 5, 6, 7], [8, 9, 99, 99]], dtype=torch.float32)[..., None]
    states = torch.cat([states, -states], 2)
    joined = join_states(states, PLACES, COVERAGE)
    expected = torch.tensor([[1, 2, 4, 6, 7], [8, 9, 0, 0, 0]], dtype=torch.float32)[..., None]
    torch.testing.assert_close(joined, torch.cat([expected, -expected], 2))


def test_states_of_frames_and_padding_get_no_gradient() -> None:
    states = torch.ones(3, 4, 1, requires_grad=True)
    join_states(states, PLACES, COVERAGE).sum().backward()
    assert states.grad is not None
    assert states.grad[..., 0].tolist() == [[1, 1, 0.5, 0], [0, 0.5, 1, 1], [1, 1, 0, 0]]


def test_not_even_a_value_that_is_no_number_leaves_the_padding() -> None:
    states = torch.zeros(3, 4, 1)
    states[PLACES == NOWHERE] = torch.nan
    assert join_states(states, PLACES, COVERAGE).eq(0).all()


def test_a_place_that_no_window_covers_is_zero() -> None:
    joined = join_states(torch.ones(1, 2, 3), torch.tensor([[0, 2]]), torch.tensor([[1, 0, 1]]))
    assert joined[0, :, 0].tolist() == [1, 0, 1]


def test_rows_of_a_split_document_are_summed_and_made_to_sum_to_one() -> None:
    columns = torch.tensor([[0, 1, 2, 5], [5, 2, 3, 4], [5, 2, 3, 4]])
    rows = torch.tensor([[0.1, 0.2, 0.5, 0.2], [0.4, 0.3, 0.2, 0.1], [0.5, 0.0, 0.1, 0.4]])[:, None, :]
    mentions, split = torch.tensor([0, 0, 1]), torch.tensor([True, True])
    # Mention 0 is seen by both windows: 0.1, 0.2, 0.5 + 0.3, 0.2, 0.1 of the subwords, 1.4 in all.
    expected = torch.tensor([[0.1, 0.2, 0.8, 0.2, 0.1], [0.0, 0.0, 0.0, 0.1, 0.4]])
    expected = expected / torch.tensor([[1.4], [0.5]])
    joined = join_rows(rows, columns, mentions, split, LENGTH)
    torch.testing.assert_close(joined, expected[:, None, :])


def test_rows_of_a_document_in_one_window_stay_as_they_are() -> None:
    columns, rows = torch.tensor([[0, 1, 5, 5]]), torch.tensor([[[0.6, 0.3, 0.0, 0.0]]])
    joined = join_rows(rows, columns, torch.tensor([0]), torch.tensor([False]), LENGTH)
    torch.testing.assert_close(joined, torch.tensor([[[0.6, 0.3, 0.0, 0.0, 0.0]]]))


def test_a_mention_that_no_window_sees_pays_no_attention_and_spoils_no_gradient() -> None:
    rows = torch.tensor([[[0.5, 0.5]]], requires_grad=True)
    joined = join_rows(rows, torch.tensor([[0, 1]]), torch.tensor([1]), torch.tensor([True, True]), 3)
    torch.testing.assert_close(joined, torch.tensor([[[0.0, 0.0, 0.0]], [[0.5, 0.5, 0.0]]]))
    joined.sum().backward()
    assert rows.grad is not None
    assert rows.grad.isfinite().all()


def test_each_head_is_joined_by_itself() -> None:
    rows = torch.tensor([[[0.2, 0.6], [0.9, 0.1]]])
    joined = join_rows(rows, torch.tensor([[1, 0]]), torch.tensor([0]), torch.tensor([True]), 2)
    torch.testing.assert_close(joined, torch.tensor([[[0.75, 0.25], [0.1, 0.9]]]))


def test_no_rows_give_no_attention() -> None:
    empty = torch.zeros(0, dtype=torch.int64)
    joined = join_rows(torch.zeros(0, 2, 4), torch.zeros(0, 4, dtype=torch.int64), empty, empty.bool(), LENGTH)
    assert joined.shape == (0, 2, LENGTH)
