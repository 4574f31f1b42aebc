"""The figures of a sweep, as PNG files."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atlop.experiments.block import Picture
from atlop.experiments.canvas import COLOURS, GREY, MARKERS, label_ends, name_rows, render, rows_height, wrapped
from atlop.experiments.results import Group, Results, entities_score
from atlop.experiments.tables import BREAKDOWN, points, shown_breakdown, signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = len(COLOURS)
"""Maximum number of rows in a figure with a line per row; more lines could not be distinguished."""
HEIGHT = 4.4
"""Height of such a figure in inches."""
PAIRS = (("Within a sentence", "Across sentences"), ("Frequent", "Long tail"))
"""Kinds of facts that are shown side by side."""


@dataclass(frozen=True)
class Chart:
    """A kind of figure."""

    alt: str
    """What it shows, without the name of the sweep."""
    draw: Callable[[Figure, Results], None]
    has_data: Callable[[Results], object]
    height: Callable[[Results], float] = lambda results: HEIGHT


def pictures(results: Results) -> list[Picture]:
    """Draw every figure for which a sweep has data.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    return [_picture(name, chart, results) for name, chart in CHARTS.items() if chart.has_data(results)]


def _picture(name: str, chart: Chart, results: Results) -> Picture:
    png = render(lambda figure: chart.draw(figure, results), height=chart.height(results))
    return Picture(name, f"{results.sweep}-{name}.png", f"{results.sweep}: {chart.alt}", png)


def chosen(results: Results) -> list[Group]:
    """Return the rows that get a line: the first one, and those whose F1 differs most from it."""
    first, *others = results.groups
    far = sorted(others, key=lambda group: -abs(group.f1.mean - first.f1.mean))[: LINES - 1]
    return [group for group in results.groups if group is first or group in far]


def _title(results: Results) -> str:
    left_out = len(results.groups) - LINES
    return f"The first row and the {LINES - 1} that differ most from it; {left_out} left out" if left_out > 0 else ""


def draw_ablations(figure: Figure, results: Results) -> None:
    """Draw the F1 of each row as a dot and that of the first row as a line."""
    plot, first = figure.subplots(), results.groups[0].f1.mean
    plot.axvline(first, color=GREY, linewidth=1, linestyle="--")
    places = name_rows(plot, [group.name for group in results.groups])
    for number, (place, group) in enumerate(zip(places, results.groups, strict=True)):
        _dot(plot, place, group, colour=COLOURS[min(number, 1)])
        difference = signed(group.f1.mean - first) if number else points(first)
        plot.text(1.02, place, difference, va="center", transform=plot.get_yaxis_transform())
    single = "; hollow: one seed" if any(len(group.rows) == 1 for group in results.groups) else ""
    several = "; bar: deviation over seeds" if any(len(group.rows) > 1 for group in results.groups) else ""
    plot.set_xlabel(f"F1 in points{several}{single}")


def _dot(plot: Axes, place: float, group: Group, *, colour: str) -> None:
    estimate = group.f1
    face = "white" if estimate.deviation is None else colour
    look: dict[str, Any] = {"color": colour, "markerfacecolor": face, "markersize": 7, "capsize": 3, "zorder": 3}
    plot.errorbar(estimate.mean, place, xerr=estimate.deviation, fmt="o", **look)


def draw_entities(figure: Figure, results: Results) -> None:
    """Draw a line of F1 by number of entities for each row."""
    plot, groups, ranges = figure.subplots(), chosen(results), results.entities
    ends = []
    for place, group in enumerate(groups):
        found = [(x, group.estimate(entities_score(label))) for x, label in enumerate(ranges)]
        known = [(x, estimate) for x, estimate in found if estimate]
        bars = [estimate.deviation or 0.0 for _, estimate in known]
        xs = [x + 0.05 * (place - (len(groups) - 1) / 2) for x, _ in known]  # side by side, for the error bars
        plot.errorbar(xs, [e.mean for _, e in known], yerr=bars, elinewidth=0.8, **_line(place))
        ends.append(known[-1][1].mean if known else 0.0)
    counts = {part["entities"]: part["documents"] for row in results.rows for part in row.by_entities}
    plot.set_xticks(range(len(ranges)), [f"{label.replace('-', '–')}\nn = {counts[label]:,}" for label in ranges])
    plot.set(xlabel="Entities of the document; n: documents", ylabel="F1 in points", title=_title(results))
    _finish(plot, ends, groups)


def _line(place: int) -> dict[str, Any]:
    return {"color": COLOURS[place], "marker": MARKERS[place]}


def _finish(plot: Axes, ends: Sequence[float], groups: Sequence[Group]) -> None:
    """Add a grid and the names of the lines."""
    plot.grid(True, axis="y")
    label_ends(plot, ends, [group.name for group in groups], height=HEIGHT)


def draw_breakdown(figure: Figure, results: Results) -> None:
    """Draw the F1 of two kinds of facts of each row on one line, in a panel for each pair of kinds."""
    pairs = [pair for pair in PAIRS if {*pair} <= shown_breakdown(results).keys()]
    panels = figure.subplots(1, len(pairs), squeeze=False, sharey=True)[0]
    for panel, pair in zip(panels, pairs, strict=True):
        _dumbbells(panel, results.groups, pair)


def _dumbbells(panel: Axes, groups: Sequence[Group], pair: Sequence[str]) -> None:
    """Draw a dot for each of two kinds of facts, and a line between them."""
    places = name_rows(panel, [group.name for group in groups])
    for place, group in zip(places, groups, strict=True):
        ends = [estimate.mean for kind in pair if (estimate := group.estimate(BREAKDOWN[kind]))]
        panel.plot(ends, [place] * len(ends), color=GREY, linewidth=1)
    for kind, colour, marker in zip(pair, COLOURS[1:], MARKERS, strict=False):
        found = [(group.estimate(BREAKDOWN[kind]), place) for group, place in zip(groups, places, strict=True)]
        known = [(estimate.mean, place) for estimate, place in found if estimate]
        panel.plot(*zip(*known, strict=True), marker, color=colour, markersize=7, label=kind)
    panel.set_xlabel("F1 in points")
    panel.margins(x=0.1)
    panel.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, handletextpad=0.1, columnspacing=1)


def draw_precision_recall(figure: Figure, results: Results) -> None:
    """Draw the curve of the first seed of each row, and where its tuned threshold is."""
    plot = figure.subplots()
    for place, group in enumerate(chosen(results)):
        row = group.rows[0]
        recall, precision = zip(*row.curve, strict=True) if row.curve else ((), ())
        plot.plot(_points(recall), _points(precision), color=COLOURS[place])
        tuned = _points([row.tuned["recall"], row.tuned["precision"]])
        look: dict[str, Any] = {"color": COLOURS[place], "mec": "white", "ms": 9, "zorder": 9 - place}
        plot.plot(*tuned, MARKERS[place], label=wrapped(group.name, 20), **look)
    plot.set(xlabel="Recall in points", ylabel="Precision in points", ylim=(0, 102), xlim=(0, None))
    plot.set_title(_title(results))
    plot.grid(True)
    figure.legend(loc="outside right upper")


def _points(values: Iterable[float]) -> list[float]:
    return [100 * value for value in values]


def draw_learning(figure: Figure, results: Results) -> None:
    """Draw the dev F1 of each epoch, tuned and untuned."""
    plot, groups = figure.subplots(), chosen(results)
    ends = []
    for place, group in enumerate(groups):
        tuned, untuned = by_epoch(group, "tuned_f1"), by_epoch(group, "f1")
        plot.plot(*untuned, color=COLOURS[place], linestyle=(0, (3, 2)), linewidth=1)
        plot.plot(*tuned, **_line(place))
        ends.append(tuned[1][-1] if tuned[1] else 0.0)
    plot.plot([], [], color=GREY, label="tuned")
    plot.plot([], [], color=GREY, linestyle=(0, (3, 2)), linewidth=1, label="untuned")
    plot.set(xlabel="Epoch", ylabel="Dev F1 in points", ylim=(0, None), title=_title(results))
    plot.locator_params(axis="x", integer=True)
    plot.legend(loc="lower right")
    _finish(plot, ends, groups)


def by_epoch(group: Group, name: str) -> tuple[list[float], list[float]]:
    """Return epochs, and the mean of a score over the seeds that reached them, in points."""
    found: dict[float, list[float]] = {}
    for row in group.rows:
        for entry in row.history:
            if name in entry:
                found.setdefault(entry["epoch"], []).append(100 * entry[name])
    return sorted(found), [statistics.fmean(found[epoch]) for epoch in sorted(found)]


def draw_reliability(figure: Figure, results: Results) -> None:
    """Draw confidence against the share that is right for the first run, before and after the calibration."""
    plot, row = figure.subplots(), results.groups[0].rows[0]
    plot.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    for name, colour, marker, line in zip(("before", "after"), COLOURS[2:0:-1], "so", ("--", "-"), strict=True):
        bins = row.reliability.get(name, [])
        xs, ys = [part["confidence"] for part in bins], [part["right"] for part in bins]
        plot.plot(xs, ys, marker=marker, color=colour, linestyle=line, label=f"{name} the calibration")
    plot.set(xlabel="Confidence", ylabel="Share that is right", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    plot.set_title(f"{row.name}, seed {row.seed}", wrap=True)
    plot.grid(True)
    plot.legend(loc="best")


def _rows_height(results: Results) -> float:
    return 0.8 + rows_height([group.name for group in results.groups])


CHARTS = {
    "ablations": Chart(
        "F1 of each row, and its difference to that of the first row, which is drawn as a line",
        draw_ablations,
        lambda results: len(results.groups) > 1,
        _rows_height,
    ),
    "entities": Chart(
        "F1 by the number of entities of the document", draw_entities, lambda results: len(results.entities) > 1
    ),
    "facts": Chart(
        "F1 within and across sentences, and of frequent and other relations",
        draw_breakdown,
        lambda results: any({*pair} <= shown_breakdown(results).keys() for pair in PAIRS),
        lambda results: 0.3 + _rows_height(results),
    ),
    "precision-recall": Chart(
        "precision against recall; the marker is the tuned threshold",
        draw_precision_recall,
        lambda results: any(row.curve for row in results.rows),
    ),
    "learning": Chart(
        "dev F1 after each epoch, tuned (solid) and untuned (dashed)",
        draw_learning,
        lambda results: any(row.history for row in results.rows),
    ),
    "reliability": Chart(
        "confidence against the share of predictions that is right, before and after the calibration",
        draw_reliability,
        lambda results: results.groups[0].rows[0].reliability,
    ),
}
"""The figures by name."""
