"""Compare adaptive thresholding with tuned thresholds on a multi-label task: the tags of Debian packages.

Run: python examples/debian_tags/compare.py

N is the number of packages, C that of tags.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, product
from typing import NamedTuple

import numpy as np
import torch
from data import Data, Part, load_data
from numpy.typing import NDArray
from torch import Tensor, nn

from atlop.decoding import margins
from atlop.multilabel import AdaptiveThresholdLoss

HIDDEN, DROPOUT, BATCH = 256, 0.4, 256
RATES = (3e-4, 1e-3, 3e-3)
CHECK_EVERY = 10
"""Epochs between two candidates for the end of training."""

Scores = NDArray[np.float32]
Labels = NDArray[np.bool_]


# Losses of logits [N, C+1] and labels [N, C]; an example has the labels whose scores [N, C] are above 0


def binary_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the usual multi-label loss, summed over labels; column 0 is not used."""
    loss = nn.functional.binary_cross_entropy_with_logits(logits[:, 1:], labels.float(), reduction="sum")
    return loss / len(logits)


def independent(logits: Tensor, labels: Tensor) -> Tensor:
    """Return a loss that compares each label with the learned threshold by itself: no two labels share a softmax."""
    over = logits[:, 1:] - logits[:, :1]
    return nn.functional.softplus(torch.where(labels, -over, over)).sum() / len(logits)


def over_threshold(logits: Scores) -> Scores:
    """Return the margins of labels over the threshold of column 0."""
    return margins(logits)[:, 1:]


def over_zero(logits: Scores) -> Scores:
    """Return the logits of labels."""
    return logits[:, 1:]


class Loss(NamedTuple):
    """A loss, and the function that turns its logits into scores."""

    criterion: Callable[[Tensor, Tensor], Tensor]
    scores: Callable[[Scores], Scores]


LOSSES = {
    "cross-entropy": Loss(binary_cross_entropy, over_zero),
    "adaptive": Loss(AdaptiveThresholdLoss(), over_threshold),
    "independent": Loss(independent, over_threshold),
}


# Thresholds: each takes scores and labels of dev, [N, C], and returns what scores must exceed, [1] or [C]


def best_cuts(scores: Scores, labels: Labels) -> Scores:
    """Return for each column the cut that maximizes its F1."""
    order = np.argsort(-scores, axis=0, kind="stable")
    ranked, hits = np.take_along_axis(scores, order, 0), np.take_along_axis(labels, order, 0).cumsum(0)
    f1 = 2 * hits / (np.arange(1, len(scores) + 1)[:, None] + labels.sum(0))
    below = np.vstack([ranked[1:], ranked[-1:] - 1])
    f1[ranked == below] = -1  # no cut separates equal scores
    best, columns = f1.argmax(0), np.arange(scores.shape[1])
    cuts: Scores = (ranked[best, columns] + below[best, columns]) / 2
    return cuts


def as_trained(scores: Scores, labels: Labels) -> Scores:
    """Return 0, where the loss puts the threshold."""
    return np.zeros(1, np.float32)


def one_tuned(scores: Scores, labels: Labels) -> Scores:
    """Return the one cut that maximizes micro-F1."""
    return best_cuts(scores.reshape(-1, 1), labels.reshape(-1, 1))


CUTS = {"as trained": as_trained, "one, tuned": one_tuned, "per label, tuned": best_cuts}


# Comparison


class Result(NamedTuple):
    """What one method scored with one seed, after training for some epochs at some rate."""

    loss: str
    cut: str
    rate: float
    epochs: int
    dev_micro: float
    test_micro: float
    test_macro: float


def f1_scores(chosen: Labels, labels: Labels) -> tuple[float, float]:
    """Return micro-F1 and macro-F1; a label that is neither in the data nor predicted has F1 0."""
    hits, total = (chosen & labels).sum(0), chosen.sum(0) + labels.sum(0)
    return float(2 * hits.sum() / max(1, total.sum())), float((2 * hits / np.maximum(total, 1)).mean())


def train(loss: Loss, part: Part, rate: float, seed: int, epochs: int) -> Iterator[tuple[int, nn.Module]]:
    """Train a network of two layers, and yield it every few epochs and after the last."""
    torch.manual_seed(seed)
    first, last = nn.Linear(part.inputs.shape[1], HIDDEN), nn.Linear(HIDDEN, part.labels.shape[1] + 1)
    network = nn.Sequential(nn.Dropout(DROPOUT / 2), first, nn.ReLU(), nn.Dropout(DROPOUT), last)
    optimizer = torch.optim.Adam(network.parameters(), rate)
    for epoch in range(1, epochs + 1):
        for batch in torch.randperm(len(part.inputs)).split(BATCH):
            optimizer.zero_grad()
            loss.criterion(network(part.inputs[batch]), part.labels[batch]).backward()
            optimizer.step()
        if epoch % CHECK_EVERY == 0 or epoch == epochs:
            yield epoch, network.eval()
            network.train()


@torch.no_grad()
def scored(loss: Loss, network: nn.Module, part: Part) -> tuple[Scores, Labels]:
    """Return the scores and the labels [N, C] of a part."""
    return loss.scores(network(part.inputs).numpy()), part.labels.numpy()


def results(name: str, data: Data, rate: float, seed: int, epochs: int) -> Iterator[Result]:
    """Yield the results of one training run with each cut."""
    loss = LOSSES[name]
    for epoch, network in train(loss, data.train, rate, seed, epochs):
        (dev, dev_labels), (test, test_labels) = scored(loss, network, data.dev), scored(loss, network, data.test)
        for cut, tune in CUTS.items():
            threshold = tune(dev, dev_labels)
            dev_micro, _ = f1_scores(dev > threshold, dev_labels)
            yield Result(name, cut, rate, epoch, dev_micro, *f1_scores(test > threshold, test_labels))


def chosen_on_dev(found: Iterable[Result]) -> list[list[Result]]:
    """Return for each method the results, one per seed, of the rate and epochs with the best mean micro-F1 on dev."""
    setting = sorted(found, key=lambda result: result[:4])
    runs = [list(group) for _, group in groupby(setting, key=lambda result: result[:4])]
    best: dict[tuple[str, str], list[Result]] = {}
    for run in runs:
        method = run[0].loss, run[0].cut
        best[method] = max(best.get(method, run), run, key=lambda each: statistics.fmean(r.dev_micro for r in each))
    return [best[method] for method in product(LOSSES, CUTS) if method in best]


def spread(values: list[float]) -> str:
    """Format the mean and the standard deviation of values."""
    return f"{statistics.fmean(values):.4f} ± {statistics.stdev(values) if len(values) > 1 else 0:.4f}"


def table(found: Iterable[Result]) -> str:
    """Return the table of methods."""
    lines = [f"{'loss':<15}{'threshold':<18}{'rate':<8}{'epochs':<8}{'micro-F1':<17}macro-F1"]
    for runs in chosen_on_dev(found):
        loss, cut, rate, epochs = runs[0][:4]
        micro, macro = spread([run.test_micro for run in runs]), spread([run.test_macro for run in runs])
        lines.append(f"{loss:<15}{cut:<18}{rate:<8g}{epochs:<8}{micro:<17}{macro}")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Compare losses and thresholds on the tags of Debian packages.")
    parser.add_argument("--facets", nargs="+", default=[], help="predict only tags of these facets, such as use")
    parser.add_argument("--losses", nargs="+", default=["cross-entropy", "adaptive"], choices=LOSSES)
    parser.add_argument("--seeds", type=int, default=3, help="training runs for each setting")
    parser.add_argument("--epochs", type=int, default=30, help="the most epochs of a run")
    return parser.parse_args()


def main() -> None:
    """Train, tune on dev, and print the scores on test."""
    start, given = time.perf_counter(), arguments()
    torch.set_num_threads(1)  # matrix products this small lose more to a second thread than they gain
    data = load_data(given.facets)
    sizes = ", ".join(f"{name} {len(part.inputs)}" for name, part in data._asdict().items())
    labels = torch.cat([part.labels for part in data]).float()
    print(f"packages: {sizes}; {labels.shape[1]} tags, {labels.sum(1).mean():.2f} a package")
    settings = product(given.losses, RATES, range(given.seeds))
    print(table(each for loss, rate, seed in settings for each in results(loss, data, rate, seed, given.epochs)))
    print(f"seeds: {given.seeds}; {time.perf_counter() - start:.0f} seconds")


if __name__ == "__main__":
    main()
