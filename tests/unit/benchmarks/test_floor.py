"""The floor counts what its formula says, on a document whose multiplications were counted by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks import floor
from transformers import BertConfig

from atlop.config import ModelConfig
from atlop.features import Features

PAGE = Path(__file__).resolve().parents[3] / "docs" / "performance.md"
ENCODER = BertConfig(hidden_size=4, num_hidden_layers=2, num_attention_heads=2, intermediate_size=8)


@pytest.fixture
def document(make_features: Callable[..., Features]) -> Features:
    """10 subwords, 3 entities, 3 ordered pairs of which two are one unordered pair."""
    return make_features(10, [[1], [2], [3]], pairs=[(0, 1), (1, 0), (0, 2)])


def test_multiplications(document: Features) -> None:
    config = ModelConfig(embedding_size=6, block_size=3)
    linear = 2 * 10 * (4 * 4 * 4 + 2 * 4 * 8)
    attention = 2 * (2 * 10 * 10 * 4)
    contexts = 2 * 10 * 4
    projections = 2 * 6 * (3 * 4 + 2 * 4)
    bilinear = 3 * 6 * 3 * 5
    assert (linear, attention, contexts, projections, bilinear) == (2560, 1600, 80, 240, 270)
    assert floor.multiplications(document, ENCODER, config, columns=5) == 4750


def test_no_context_costs_nothing(document: Features) -> None:
    config = ModelConfig(embedding_size=6, block_size=3, context="none")
    assert floor.multiplications(document, ENCODER, config, columns=5) == 2560 + 1600 + 2 * 6 * 3 * 4 + 270


def test_seconds_count_two_operations_a_multiplication(document: Features) -> None:
    config = ModelConfig(embedding_size=6, block_size=3)
    assert floor.floor_seconds([document, document], ENCODER, config, 5, rate=1900.0) == 10.0


def test_the_page_shows_the_formula() -> None:
    shown = re.findall(
        r"^(?:encoder|contexts|projections|bilinear) .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert floor.__doc__ is not None
    assert shown == [line.strip() for line in floor.__doc__.splitlines() if line.startswith("    ")]
