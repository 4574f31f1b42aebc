"""The shapes of words."""

from __future__ import annotations

import pytest

from atlop.shapes import SHAPES, word_shapes


@pytest.mark.parametrize(
    ("words", "shapes"),
    [
        (["The", "Ada", "wrote", "."], ["Word, first of its sentence", "Word", "word", "no letter"]),
        (["``", "On", "Ada"], ["no letter", "Word, first of its sentence", "Word"]),
        (["NATO", "J", "McAdam", "iPhone", "d'Arc"], ["WORD", "W", "wOrd", "wOrd", "wOrd"]),
        (["a", "1999", "3000", "12", "1,5", "20th"], ["word", "1234", "12", "12", "12", "12th"]),
        (["1999", "Ada"], ["1234", "Word"]),
        (["a", "東京", "-", "_", "\u00a0"], ["word", "other letters", "no letter", "no letter", "no letter"]),
        (["東京", "Ada"], ["other letters", "Word"]),
        ([], []),
    ],
)
def test_shapes(words: list[str], shapes: list[str]) -> None:
    assert [SHAPES[shape] for shape in word_shapes(words)] == shapes


def test_no_shape_is_listed_twice_as_models_store_a_weight_for_each() -> None:
    assert len(set(SHAPES)) == len(SHAPES) == 12
