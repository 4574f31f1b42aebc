"""Figures are drawn alike every time, and only where there is something to show."""

from __future__ import annotations

import builtins
import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.errors import MissingExtraError
from atlop.experiments.canvas import spread, wrapped
from atlop.experiments.figures import CHARTS, LINES, by_epoch, chosen, pictures
from atlop.experiments.results import Results, by_sweep
from atlop.experiments.row import Row

MakeRow = Callable[..., Row]

LONG = "mean pooling of the mentions of an entity in place of log-sum-exp pooling"
EMPTY: dict[str, Any] = {"by_entities": [], "breakdown": {}, "curve": [], "history": [], "reliability": {}}


@pytest.fixture
def results(make_row: MakeRow) -> Results:
    """Three seeds, a long name with one seed, and a name that would be a formula."""
    rows = [make_row(seed=seed, points=59.0 + seed) for seed in (1, 2, 3)]
    return by_sweep([*rows, make_row(LONG, points=57.0), make_row("$x_1$", points=55.0, **EMPTY)])[0]


def test_every_figure_is_a_png_of_readable_width(results: Results) -> None:
    found = {picture.name: picture for picture in pictures(results)}
    assert [*found] == [*CHARTS]
    for name, picture in found.items():
        assert picture.png.startswith(b"\x89PNG")
        assert struct.unpack(">I", picture.png[16:20]) == (1400,)
        assert picture.file == f"tiny-{name}.png"
        assert picture.alt.startswith("tiny: ")


def test_the_same_rows_give_the_same_bytes_whatever_the_style(results: Results) -> None:
    import matplotlib

    before = pictures(results)
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 9}):
        assert pictures(results) == before
        assert matplotlib.rcParams["font.size"] == 20
    assert b"Matplotlib" not in b"".join(picture.png for picture in before)


def test_what_a_sweep_has_no_data_for_is_not_drawn(make_row: MakeRow) -> None:
    (one,) = by_sweep([make_row(**EMPTY)])
    assert pictures(one) == []
    (two,) = by_sweep([make_row(**EMPTY), make_row("other", **EMPTY)])
    assert [picture.name for picture in pictures(two)] == ["ablations"]


def test_a_figure_has_few_lines(make_row: MakeRow) -> None:
    f1 = {"a": 60.0, "b": 60.1, "c": 50.0, "d": 70.0, "e": 60.2, "f": 40.0, "g": 62.0}
    (results,) = by_sweep(make_row(name, points=points) for name, points in f1.items())
    assert len(chosen(results)) == LINES == 5
    assert [group.name for group in chosen(results)] == ["a", "c", "d", "f", "g"]
    assert len(pictures(results)) == len(CHARTS)


def test_an_epoch_is_the_mean_of_the_seeds_that_reached_it(make_row: MakeRow) -> None:
    histories = [[(1, 0.2), (2, 0.4)], [(1, 0.4)]]
    rows = [
        make_row(seed=seed, history=[{"epoch": epoch, "f1": f1} for epoch, f1 in history])
        for seed, history in enumerate(histories)
    ]
    group = by_sweep(rows)[0].groups[0]
    epochs, means = by_epoch(group, "f1")
    assert (epochs, means) == ([1, 2], pytest.approx([30, 40]))
    assert by_epoch(group, "tuned_f1") == ([], [])


def test_long_names_are_broken_and_cut_off() -> None:
    assert wrapped("a name of several words", 10) == "a name of\nseveral\nwords"
    assert wrapped("word " * 20, 10) == "word word\nword word\nword word\nword …"


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0.1, 30)), min_size=1, max_size=8),
)
def test_labels_do_not_overlap(labels: list[tuple[float, float]]) -> None:
    centres, sizes = [centre for centre, _ in labels], [size for _, size in labels]
    placed = spread(centres, sizes, low=0, high=100)
    order = sorted(range(len(labels)), key=lambda i: (centres[i], -i))
    assert all(placed[j] - placed[i] >= (sizes[i] + sizes[j]) / 2 - 1e-9 for i, j in pairwise(order))
    assert min(place - size / 2 for place, size in zip(placed, sizes, strict=True)) >= -1e-9
    assert max(p + s / 2 for p, s in zip(placed, sizes, strict=True)) <= max(100, sum(sizes)) + 1e-9


def test_labels_with_room_stay() -> None:
    assert spread([80, 20, 50], [10, 10, 10], low=0, high=100) == [80, 20, 50]
    assert spread([50, 50], [10, 10], low=0, high=100) == [60, 50]  # the first on top


def test_without_matplotlib(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtraError) as caught:
        pictures(results)
    expected = "a report with figures needs packages that are not installed: pip install 'atlop[plots]'"
    assert str(caught.value) == expected
