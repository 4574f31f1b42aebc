"""The canvas of a figure: its size and style, the colours of rows, and labels that do not cover each other."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from atlop.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.0
"""Width in inches. At 200 dots per inch and shown 700 pixels wide, text of 10 points is as large as that of a page."""

COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#AA4499")
"""Distinguishable by the colour-blind, after Okabe and Ito; dark enough for text."""
MARKERS = ("o", "s", "^", "D", "v")
"""For those who see no colour, or print without."""
GREY = "#8A8A8A"

STYLE: Any = {  # matplotlib's types list every key
    "axes.edgecolor": GREY,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.dpi": 200,
    "font.size": 10,
    "grid.alpha": 0.3,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "savefig.dpi": 200,
    "text.parse_math": False,  # names of rows are plain text
    "xtick.color": "#444444",
    "ytick.color": "#222222",
}


def render(draw: Callable[[Figure], None], *, height: float) -> bytes:
    """Return a figure as PNG; the same figure gives the same bytes, whatever style the user has configured.

    Args:
        draw: draws on an empty figure.
        height: height in inches.

    Raises:
        MissingExtraError: if matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("a report with figures", extra="plots") from error
    file = BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure)
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def wrapped(name: str, width: int = 26) -> str:
    """Break a long name into lines; after the fourth one it is cut off."""
    return "\n".join(textwrap.wrap(name, width, max_lines=4, placeholder=" …"))


def name_rows(plot: Axes, names: Sequence[str]) -> list[float]:
    """Name the rows of a plot from top to bottom, and return their places; a long name takes more room."""
    heights = [_row_height(name) for name in names]
    places = [sum(heights[:i]) + height / 2 for i, height in enumerate(heights)]
    plot.set_yticks(places, [wrapped(name) for name in names])
    plot.set_ylim(sum(heights), 0)
    plot.tick_params(axis="y", length=0)
    plot.grid(True, axis="x")
    plot.set_axisbelow(True)
    return places


def rows_height(names: Sequence[str]) -> float:
    """Return the height that the rows need, in inches."""
    return sum(map(_row_height, names))


def _row_height(name: str) -> float:
    return 0.2 + 0.17 * (wrapped(name).count("\n") + 1)


def label_ends(plot: Axes, ends: Sequence[float], names: Sequence[str], *, height: float) -> None:
    """Write the names of lines to the right of their ends, moved apart where they would overlap.

    Args:
        plot: the plot, with its final limits.
        ends: the last value of each line.
        names: the name of each line.
        height: height of the figure in inches.
    """
    low, high = plot.get_ylim()
    line = 0.17 / (0.8 * height) * (high - low)
    texts = [wrapped(name, 20) for name in names]
    places = spread(ends, [line * (text.count("\n") + 1.3) for text in texts], low=low, high=high)
    for place, text, colour in zip(places, texts, COLOURS, strict=False):
        plot.text(1.02, place, text, color=colour, va="center", transform=plot.get_yaxis_transform())


def spread(centres: Sequence[float], sizes: Sequence[float], *, low: float, high: float) -> list[float]:
    """Move overlapping labels apart, and labels above the upper limit back below it.

    Args:
        centres: where the labels should be.
        sizes: their heights.
        low: the lower limit.
        high: the upper limit, which they exceed only if they do not fit below it.

    Returns:
        The new centres, in the same order from low to high as the old ones.
    """
    order = sorted(range(len(centres)), key=lambda i: (centres[i], -i))  # of equals, the first on top
    placed, floor = list(centres), low
    for i in order:
        placed[i] = max(centres[i], floor + sizes[i] / 2)
        floor = placed[i] + sizes[i] / 2
    ceiling = max(high, low + sum(sizes))
    for i in reversed(order):
        placed[i] = min(placed[i], ceiling - sizes[i] / 2)
        ceiling = placed[i] - sizes[i] / 2
    return placed
