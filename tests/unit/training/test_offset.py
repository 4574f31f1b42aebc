"""The offset of the best F1, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from atlop.training.offset import best_offset

from atlop import Document, Entity, LabelMap, Mention, PairScores, Relation

LABELS = LabelMap(("P1", "P2"))
ENTITY = Entity((Mention(0, 0, 1, "PER", "a"),))


def scored(*margin: tuple[float, float], threshold: float = 0.0) -> PairScores:
    """Scores of the two ordered pairs of a document, as margin over a threshold."""
    logits = [[threshold, threshold + first, threshold + second] for first, second in margin]
    return PairScores("a", np.array([(0, 1), (1, 0)]), np.array(logits, dtype=np.float32))


def labelled(*relations: Relation) -> Document:
    """A document of two entities."""
    return Document("a", (("a",),), (ENTITY, ENTITY), relations)


def test_the_offset_lets_in_what_raises_f1() -> None:
    gold = labelled(Relation(0, 1, "P1"), Relation(1, 0, "P2"))
    # By falling margin: right at 1, wrong at -1, right at -2, wrong at -5. F1 of the cuts: 2/3, 2/4, 4/5, 4/6.
    offset = best_offset([scored((1, -1), (-5, -2), threshold=7)], [gold], LABELS)
    assert offset == pytest.approx(3.5)


def test_the_offset_keeps_out_what_lowers_f1() -> None:
    # Right at 4, the others wrong: the best cut is after the first.
    offset = best_offset([scored((4, 2), (1, 0.5))], [labelled(Relation(0, 1, "P1"))], LABELS)
    assert offset == pytest.approx(-3)


def test_nothing_labelled_moves_nothing() -> None:
    assert best_offset([scored((4, 2), (1, 0.5))], [labelled()], LABELS) == 0


def test_pairs_without_a_score_count_as_missed() -> None:
    gold = labelled(Relation(0, 1, "P1"), Relation(1, 0, "P2"))
    # Of pair (1, 0) only: wrong at 3, right at -1. F1 of the cuts: 0, 2/4.
    scores = PairScores("a", np.array([(1, 0)]), np.array([[0, 3, -1]], dtype=np.float32))
    assert best_offset([scores], [gold], LABELS) == pytest.approx(1.5)


def test_every_margin_may_count() -> None:
    gold = labelled(*(Relation(head, 1 - head, name) for head in (0, 1) for name in ("P1", "P2")))
    assert best_offset([scored((-1, -2), (-3, -4))], [gold], LABELS) == pytest.approx(4.5)


@pytest.mark.parametrize("second", [Relation(0, 1, "P2"), Relation(1, 0, "P1")])
def test_equal_margins_are_kept_or_dropped_together(second: Relation) -> None:
    gold = labelled(Relation(0, 1, "P1"), second)
    # Right at 3, then right and wrong at 1, wrong at -1. F1 of the cuts: 2/3, 4/5, 4/6; no cut parts the two at 1.
    assert best_offset([scored((3, 1), (1, -1))], [gold], LABELS) == pytest.approx(0.0)
    assert best_offset([scored((2, 2), (2, 2))], [gold], LABELS) == pytest.approx(-1.5)


def test_an_offset_that_finds_nothing_is_no_offset() -> None:
    nothing = PairScores("a", np.zeros((0, 2), np.int64), np.zeros((0, 3), np.float32))
    for scores in (nothing, PairScores("a", np.array([(1, 0)]), np.array([[0, 3, -1]], dtype=np.float32))):
        assert best_offset([scores], [labelled(Relation(0, 1, "P1"))], LABELS) == 0
