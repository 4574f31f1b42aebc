"""Training against the textbook, or against another checkout: forward, backward and AdamW, 4 documents per update.

    python -m benchmarks.train --shape minilm --precision fp32 --json
    python -m benchmarks.train --against ../atlop-before --json

``ratio`` is timed with the encoder's dropout on in both. ``loss_difference`` is the largest difference between the two
losses of one update, over updates with dropout off, on the same batches in the same order from the same weights; no
batch is repeated while there are enough documents.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from atlop.backends.devices import choose_precision
from atlop.batches import collate
from atlop.checkpoint import Checkpoint
from atlop.features import Features
from atlop.kernels import optimize
from benchmarks.against import report_against
from benchmarks.contenders import SHAPES, checkpoint_of, featurizer_of, textbook_of
from benchmarks.documents import documents
from benchmarks.measure import Times, alternate, beside_gemm, ratio
from benchmarks.report import arguments, report
from benchmarks.textbook import batches, labels_of

DOCUMENTS_PER_UPDATE = 4
"""As in the paper."""

LEARNING_RATE = 5e-5

Update = Callable[[Sequence[Features]], float]
"""Trains on one batch and returns its loss."""


def updater(model: nn.Module, loss_of: Callable[[Sequence[Features]], Tensor], *, dropout: bool, fused: bool) -> Update:
    """Return what trains a model on one batch.

    Args:
        model: the model.
        loss_of: returns the loss of a batch.
        dropout: whether to train with dropout.
        fused: whether to use the fused AdamW.
    """
    weights = list(model.parameters())
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=0.0, eps=1e-6, fused=fused)

    def update(batch: Sequence[Features]) -> float:
        model.train(dropout)
        loss = loss_of(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return float(loss.detach())

    return update


def textbook_updater(checkpoint: Checkpoint, *, device: str, dropout: bool) -> Update:
    """Return the updates of the textbook, which computes in fp32."""
    model = textbook_of(checkpoint, device)

    def loss(batch: Sequence[Features]) -> Tensor:
        return model.loss(model(batch), labels_of(batch).to(device))

    return updater(model, loss, dropout=dropout, fused=False)


def product_updater(checkpoint: Checkpoint, *, device: str, precision: str, dropout: bool) -> Update:
    """Return the updates of atlop, whose trainer fuses AdamW too."""
    place, special = torch.device(device), featurizer_of(checkpoint).special
    model = optimize(checkpoint.model.to(place), place, torch.float32, training=True)
    padding = checkpoint.tokenizer.pad_token_id or 0
    mixed = choose_precision(precision, place, training=True) != "fp32"

    def loss(features: Sequence[Features]) -> Tensor:
        batch = collate(features, special, padding).to(place)
        if batch.labels is None:
            raise ValueError("the features of a training batch have no labels")
        with torch.autocast(place.type, torch.bfloat16, enabled=mixed):
            output = model(batch)
        return model.loss(output, batch.labels)

    return updater(model, loss, dropout=dropout, fused=True)


def updaters(shape: str, *, device: str, precision: str, dropout: bool) -> tuple[Update, Update]:
    """Return the updates of the textbook and of atlop, both from the same weights."""
    checkpoint = checkpoint_of(shape)
    # The textbook first: it copies the weights before atlop changes them.
    textbook = textbook_updater(checkpoint, device=device, dropout=dropout)
    return textbook, product_updater(checkpoint, device=device, precision=precision, dropout=dropout)


def time_updates(groups: Sequence[Sequence[Features]], asked: argparse.Namespace) -> Times:
    """Time both contenders over the same batches in turn, with dropout."""
    textbook, product = updaters(asked.shape, device=asked.device, precision=asked.precision, dropout=True)
    return alternate(
        {"textbook": lambda: [*map(textbook, groups)], "atlop": lambda: [*map(product, groups)]}, runs=asked.runs
    )


def loss_differences(groups: Sequence[Sequence[Features]], asked: argparse.Namespace) -> Iterator[float]:
    """Yield how far apart the losses of both are in each update, without dropout."""
    textbook, product = updaters(asked.shape, device=asked.device, precision=asked.precision, dropout=False)
    for batch in islice(cycle(groups), asked.updates):
        yield abs(textbook(batch) - product(batch))


def groups_of(shape: str, asked: argparse.Namespace) -> list[Sequence[Features]]:
    """Return the batches that the timing or the losses need, whichever are more."""
    featurizer = featurizer_of(checkpoint_of(shape))
    texts = documents(max(asked.documents, asked.updates * DOCUMENTS_PER_UPDATE), asked.data)
    groups = batches([featurizer(text, labelled=True) for text in texts], DOCUMENTS_PER_UPDATE)
    return [group for group in groups if len(group) == DOCUMENTS_PER_UPDATE]


def compare(asked: argparse.Namespace) -> dict[str, Any]:
    """Time both contenders with dropout, then compare their losses without."""
    groups = groups_of(asked.shape, asked)
    timed = groups[: asked.documents // DOCUMENTS_PER_UPDATE]
    times, rates = beside_gemm(lambda: time_updates(timed, asked), torch.device(asked.device))
    count = DOCUMENTS_PER_UPDATE * len(timed)
    return {
        "ratio": ratio(times),
        "seconds_per_document": statistics.median(times["atlop"]) / count,
        "textbook_seconds_per_document": statistics.median(times["textbook"]) / count,
        "loss_difference": max(loss_differences(groups, asked), default=None),
        "gemm_gflops": rates,
        "run_seconds": times,
    }


def parser() -> argparse.ArgumentParser:
    """Return the options of this benchmark."""
    options = arguments(__doc__)
    options.add_argument("--shape", choices=SHAPES, default="minilm")
    options.add_argument(
        "--precision", choices=("auto", "fp32", "bf16"), default="fp32", help="of atlop; the textbook computes in fp32"
    )
    options.add_argument("--documents", type=int, default=16, help="documents of one timed run, in updates of 4")
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--updates", type=int, default=50, help="updates over which the losses are compared")
    options.add_argument("--device", default="cpu")
    options.add_argument("--against", type=Path, metavar="CHECKOUT", help="compare with another checkout")
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    if asked.against:
        # Earlier versions do not know "auto".
        asked.precision = choose_precision(asked.precision, torch.device(asked.device), training=True)
        asked.updates = None
        report_against("train", asked)
    else:
        report("train", compare(asked), asked)


if __name__ == "__main__":
    main()
