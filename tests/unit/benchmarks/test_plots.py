"""Plots show the results that are kept, and only those that there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import plots
from benchmarks.tables import PICTURES


@pytest.fixture(autouse=True)
def closed() -> object:
    yield
    plots.plt.close("all")


def test_bars_are_seconds_a_document(results: Path) -> None:
    figure = plots.draw_speed(results)
    assert figure is not None
    prediction, training = figure.axes
    assert [bar.get_height() for bar in prediction.patches] == [0.4, 0.1, 0.05]
    assert [text.get_text() for text in prediction.texts] == ["0.400 s", "0.100 s\n4.0 times", "0.050 s\n8.0 times"]
    assert [line.get_segments()[0][0][1] for line in prediction.collections] == [0.05, 0.05]
    assert [bar.get_height() for bar in training.patches] == [0.4, 0.1, 0.1]
    assert not training.collections


def test_time_is_drawn_against_pairs_and_memory_against_entities(results: Path) -> None:
    figure = plots.draw_entities(results)
    assert figure is not None
    memory, time = figure.axes
    assert memory.lines[0].get_xydata().tolist() == [[10, 700.0], [20, 1234.5]]
    assert time.lines[0].get_xydata().tolist() == [[0, 0.25], [0.09, 0.5], [0.38, 2.0]]


def test_a_length_is_drawn_in_words(results: Path) -> None:
    figure = plots.draw_length(results)
    assert figure is not None
    memory, time = figure.axes
    assert memory.lines[0].get_xydata().tolist() == [[512, 700.0], [2048, 800.0]]
    assert [line.get_xydata().tolist() for line in time.lines] == [[[512, 0.25], [2048, 1.0]]] * 2


def test_a_run_is_drawn_in_minutes(results: Path) -> None:
    figure = plots.draw_corpus(results)
    assert figure is not None
    assert figure.axes[0].lines[0].get_xydata().tolist() == [[0.0, 0.0], [1.0, 700.0]]


def test_the_same_results_give_the_same_pictures(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (results / "corpus.json").unlink()
    monkeypatch.setattr("sys.argv", ["plots", "--folder", str(results)])
    plots.main()
    first = {path.stem: path.read_bytes() for path in results.glob("*.svg")}
    plots.main()
    assert set(first) == {"speed", "entities", "length"}
    assert {path.stem: path.read_bytes() for path in results.glob("*.svg")} == first


def test_every_plot_has_its_place() -> None:
    assert {f"plot-{name}" for name in plots.PLOTS} == set(PICTURES)
