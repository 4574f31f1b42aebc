"""Training against the textbook: the same documents per update, forward, backward and AdamW.

    python -m benchmarks.train --shape minilm --precision fp32 --json

``ratio`` is timed with the encoder's dropout on in both. ``loss_difference`` is the largest difference between the two
losses of one update, over updates with dropout off, on the same batches in the same order from the same weights; no
batch comes twice as long as there are documents.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from typing import Any

import torch
from torch import Tensor, nn

from atlop.batches import collate
from atlop.checkpoint import Checkpoint
from atlop.features import Features
from benchmarks.contenders import SHAPES, checkpoint_of, featurizer_of, textbook_of
from benchmarks.documents import documents
from benchmarks.measure import Comparison, alternate, beside_gemm
from benchmarks.report import arguments, report
from benchmarks.textbook import batches, labels_of

DOCUMENTS_PER_UPDATE = 4
"""As in the paper."""

LEARNING_RATE = 5e-5

Update = Callable[[Sequence[Features]], float]
"""Trains on one batch and gives its loss."""


def updater(model: nn.Module, loss_of: Callable[[Sequence[Features]], Tensor], *, dropout: bool, fused: bool) -> Update:
    """Give what trains a model on one batch.

    Args:
        model: the model.
        loss_of: gives the loss of a batch.
        dropout: whether the model drops values out.
        fused: whether AdamW updates all weights in one go.
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
    """Give the updates of the textbook, which computes in fp32."""
    model = textbook_of(checkpoint, device)

    def loss(batch: Sequence[Features]) -> Tensor:
        return model.loss(model(batch), labels_of(batch).to(device))

    return updater(model, loss, dropout=dropout, fused=False)


def product_updater(checkpoint: Checkpoint, *, device: str, precision: str, dropout: bool) -> Update:
    """Give the updates of the product, whose trainer fuses AdamW too."""
    model, special = checkpoint.model.to(device), featurizer_of(checkpoint).special
    padding = checkpoint.tokenizer.pad_token_id or 0

    def loss(features: Sequence[Features]) -> Tensor:
        batch = collate(features, special, padding).to(device)
        if batch.labels is None:
            raise ValueError("the features of a training batch have no labels")
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision != "fp32"):
            logits = model(batch)
        return model.loss(logits, batch.labels)

    return updater(model, loss, dropout=dropout, fused=True)


def updaters(shape: str, *, device: str, precision: str, dropout: bool) -> tuple[Update, Update]:
    """Give the updates of the textbook and of the product, both from the weights of a shape as they are at first."""
    checkpoint = checkpoint_of(shape)
    # The textbook first: it copies the weights that the product goes on to change.
    textbook = textbook_updater(checkpoint, device=device, dropout=dropout)
    return textbook, product_updater(checkpoint, device=device, precision=precision, dropout=dropout)


def time_updates(groups: Sequence[Sequence[Features]], asked: argparse.Namespace) -> Comparison:
    """Time both contenders over the same batches in turn, with dropout."""
    textbook, product = updaters(asked.shape, device=asked.device, precision=asked.precision, dropout=True)
    return alternate(lambda: [*map(textbook, groups)], lambda: [*map(product, groups)], runs=asked.runs)


def loss_differences(groups: Sequence[Sequence[Features]], asked: argparse.Namespace) -> Iterator[float]:
    """Give how far the losses of both are apart in each update, without dropout."""
    textbook, product = updaters(asked.shape, device=asked.device, precision=asked.precision, dropout=False)
    for batch in islice(cycle(groups), asked.updates):
        yield abs(textbook(batch) - product(batch))


def groups_of(shape: str, asked: argparse.Namespace) -> list[Sequence[Features]]:
    """Make the batches that the timing or the losses need, whichever are more."""
    checkpoint = checkpoint_of(shape)
    featurizer = featurizer_of(checkpoint)
    texts = documents(max(asked.documents, asked.updates * DOCUMENTS_PER_UPDATE), asked.data)
    groups = batches([featurizer(text, checkpoint.labels) for text in texts], DOCUMENTS_PER_UPDATE)
    return [group for group in groups if len(group) == DOCUMENTS_PER_UPDATE]


def compare(asked: argparse.Namespace) -> dict[str, Any]:
    """Time both contenders with dropout, then follow their losses without."""
    groups = groups_of(asked.shape, asked)
    timed = groups[: asked.documents // DOCUMENTS_PER_UPDATE]
    timing, rates = beside_gemm(lambda: time_updates(timed, asked), torch.device(asked.device))
    count = DOCUMENTS_PER_UPDATE * len(timed)
    return {
        "ratio": timing.ratio,
        "seconds_per_document": statistics.median(timing.product) / count,
        "textbook_seconds_per_document": statistics.median(timing.textbook) / count,
        "loss_difference": max(loss_differences(groups, asked), default=None),
        "gemm_gflops": rates,
        "run_seconds": timing.to_json(),
    }


def parser() -> argparse.ArgumentParser:
    """Give the options of this benchmark."""
    options = arguments(__doc__)
    options.add_argument("--shape", choices=SHAPES, default="minilm")
    options.add_argument(
        "--precision", choices=("fp32", "bf16"), default="fp32", help="of the product; the textbook computes in fp32"
    )
    options.add_argument("--documents", type=int, default=16, help="documents of one timed run, in updates of 4")
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--updates", type=int, default=50, help="updates over which the losses are compared")
    options.add_argument("--device", default="cpu")
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    report("train", compare(asked), asked)


if __name__ == "__main__":
    main()
