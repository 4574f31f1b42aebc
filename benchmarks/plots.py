"""Draws the plots of docs/performance.md from the results that the benchmarks kept, where there are any.

python -m benchmarks.plots
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from benchmarks.report import RESULTS, kept, newest
from benchmarks.rows import MODELS, Entry

COLORS = {"textbook": "tab:gray", "fp32": "tab:blue", "bf16": "tab:brown", "auto": "tab:orange", "int8": "tab:green"}
"""Colors of the textbook and of the product's precisions."""

MEMORY_LIMIT_MB = 2500
"""What a document of 300 entities may take at the most."""

WIDTH = 0.26
"""Width of a bar; the models stand 1 apart."""

GUIDE = {"color": "gray", "linestyle": ":"}
"""How a line looks that the measured one is compared with."""


def draw_speed(folder: Path) -> Figure | None:
    """Draw the seconds a document of prediction and of training."""
    works = {"prediction": "predict", "training": "train"}
    found = {title: newest(kept(work, folder), "shape", "precision") for title, work in works.items()}
    if not any(found.values()):
        return None
    widths = [max(1, len({entry["shape"] for entry in entries})) for entries in found.values()]
    figure, plots = plt.subplots(1, 2, figsize=(10, 4.4), width_ratios=widths, layout="constrained")
    for plot, (title, entries) in zip(plots, found.items(), strict=True):
        draw_bars(plot, entries)
        plot.set(title=title, ylabel="seconds a document")
    handles = {name: handle for plot in plots for handle, name in zip(*plot.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles), fontsize="small")
    return figure


def draw_bars(plot: Any, entries: Sequence[Entry]) -> None:
    """Draw the textbook's bar and one for each precision beside it, model by model."""
    shapes = list(dict.fromkeys(entry["shape"] for entry in entries))
    for place, shape in enumerate(shapes):
        rows = [entry for entry in entries if entry["shape"] == shape]
        draw_bar(plot, place, rows[0]["textbook_seconds_per_document"], "textbook", "textbook")
        for number, row in enumerate(rows, 1):
            left, kind = place + number * WIDTH, row["precision"]
            draw_bar(plot, left, row["seconds_per_document"], kind, f"atlop, {kind}", f"\n{row['ratio']:.1f} times")
            if "floor_seconds_per_document" in row:
                edges = left - 0.47 * WIDTH, left + 0.47 * WIDTH
                plot.hlines(row["floor_seconds_per_document"], *edges, color="black", label="floor")
    plot.set_xticks([place + WIDTH for place in range(len(shapes))], [MODELS[shape] for shape in shapes])
    plot.margins(y=0.12)
    plot.grid(alpha=0.3, axis="y")
    plot.set_axisbelow(True)


def draw_bar(plot: Any, place: float, seconds: float, kind: str, name: str, note: str = "") -> None:
    """Draw one bar with its seconds and a note above it."""
    plot.bar(place, seconds, 0.94 * WIDTH, color=COLORS[kind], label=name)
    plot.annotate(f"{seconds:.3f} s{note}", (place, seconds), (0, 2), textcoords="offset points", ha="center", size=8)


def draw_entities(folder: Path) -> Figure | None:
    """Draw memory against entities, and time against pairs."""
    entries = newest(kept("entities", folder), "precision")
    if not entries:
        return None
    figure, (memory, time) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for entry in entries:
        counts = [str(count) for count in entry["counts"]]
        memory.plot(entry["counts"], [entry["peak_mb"][count] for count in counts], **line_of(entry))
        pairs = [0, *(entry["pairs"][count] / 1000 for count in counts)]
        seconds = [entry["text_seconds"], *(entry["seconds"][count] for count in counts)]
        time.plot(pairs, seconds, **line_of(entry))
        time.plot([pairs[0], pairs[-1]], [seconds[0], seconds[-1]], **GUIDE, label="straight line")
    memory.axhline(MEMORY_LIMIT_MB, color="tab:red", linestyle="--", label=f"limit, {MEMORY_LIMIT_MB:,} MB")
    memory.set(xlabel="entities", ylabel="peak resident memory, MB", xticks=entries[-1]["counts"])
    time.set(xlabel="pairs, thousands", ylabel="seconds")
    finish(memory, time)
    return figure


def draw_length(folder: Path) -> Figure | None:
    """Draw memory and time against words."""
    entries = newest(kept("length", folder), "precision")
    if not entries:
        return None
    figure, (memory, time) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for entry in entries:
        words = entry["counts"]
        seconds = [entry["seconds"][str(count)] for count in words]
        memory.plot(words, [entry["peak_mb"][str(count)] for count in words], **line_of(entry))
        time.plot(words, seconds, **line_of(entry))
        time.plot(words, [seconds[-1] * count / words[-1] for count in words], **GUIDE, label="in proportion to words")
    memory.set(ylabel="peak resident memory, MB", xscale="log")
    time.set(ylabel="seconds", xscale="log", yscale="log")
    for plot in (memory, time):
        plot.set_xlabel("words")
        plot.set_xticks(entries[-1]["counts"], [f"{count:,}" for count in entries[-1]["counts"]])
        plot.minorticks_off()
    finish(memory, time)
    return figure


def draw_corpus(folder: Path) -> Figure | None:
    """Draw the resident memory over a run."""
    entries = newest(kept("corpus", folder), "precision")
    if not entries:
        return None
    figure, plot = plt.subplots(figsize=(10, 3.2), layout="constrained")
    for entry in entries:
        minutes = [seconds / 60 for seconds in entry["sample_seconds"]]
        line = line_of(entry) | {"label": f"{entry['documents']:,} documents, {entry['precision']}"}
        plot.plot(minutes, entry["sample_mb"], **line)
    plot.set(xlabel="minutes", ylabel="resident memory, MB")
    finish(plot)
    return figure


def line_of(entry: Entry) -> dict[str, Any]:
    """Give how the line of a result looks, and its name."""
    return {"color": COLORS[entry["precision"]], "marker": "o", "markersize": 4, "label": entry["precision"]}


def finish(*plots: Any) -> None:
    """Begin the vertical axes at zero where they are linear, and put in grids and legends."""
    for plot in plots:
        if plot.get_yscale() == "linear":
            plot.set_ylim(0, 1.15 * plot.get_ylim()[1])
        plot.yaxis.set_major_formatter("{x:,g}")
        plot.grid(alpha=0.3)
        plot.legend(fontsize="small")


PLOTS: dict[str, Callable[[Path], Figure | None]] = {
    "speed": draw_speed,
    "entities": draw_entities,
    "length": draw_length,
    "corpus": draw_corpus,
}
"""What draws each plot from the results in a folder, if there are any."""


def main() -> None:
    """Draw every plot for which there are results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the results are and the plots go")
    folder = parser.parse_args().folder
    # Names in place of random ones keep a picture the same as long as the results are.
    plt.rcParams.update({"svg.hashsalt": "atlop", "svg.fonttype": "none"})
    for name, draw in PLOTS.items():
        figure = draw(folder)
        if figure is not None:
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
