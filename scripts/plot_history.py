"""Plot the loss and the dev scores of training runs.

python scripts/plot_history.py HISTORY.json... --output FILE.svg
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

SCORES = {
    "eval_f1": "F1",
    "eval_precision": "precision",
    "eval_recall": "recall",
    "eval_biocreative_f1": "F1, every chemical and disease",
}
"""The dev scores in a history, and their labels in the plot."""


def series(history: list[dict[str, Any]], name: str) -> tuple[list[float], list[float]]:
    """Return the epochs and the values of one series."""
    rows = [row for row in history if name in row]
    return [row["epoch"] for row in rows], [row[name] for row in rows]


def draw(history: list[dict[str, Any]], title: str, loss: Any, scores: Any) -> None:
    """Plot one run: the loss above, the scores below."""
    loss.plot(*series(history, "loss"), color="tab:gray")
    loss.set(title=title, ylabel="training loss", yscale="log")
    for name, label in SCORES.items():
        epochs, values = series(history, name)
        if epochs:
            scores.plot(epochs, values, marker="o", markersize=3, label=label)
    scores.set(xlabel="epoch", ylabel="dev score", ylim=(0, 1))
    scores.legend(loc="upper right", fontsize="small")
    for plot in (loss, scores):
        plot.grid(alpha=0.3)


def main() -> None:
    """Read the histories and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("histories", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    # Fixed identifiers instead of random ones, so that the same histories give the same file.
    plt.rcParams.update({"svg.hashsalt": "atlop", "svg.fonttype": "none"})
    runs = len(arguments.histories)
    figure, plots = plt.subplots(2, runs, figsize=(5 * runs, 6), squeeze=False, sharex="col")
    for column, path in enumerate(arguments.histories):
        draw(json.loads(path.read_text(encoding="utf-8")), path.stem, plots[0][column], plots[1][column])
    figure.tight_layout()
    figure.savefig(arguments.output, metadata={"Date": None})


if __name__ == "__main__":
    main()
