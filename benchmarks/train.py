"""Training against the textbook: the same documents per update, forward, backward and AdamW.

    python -m benchmarks.train --shape minilm --precision fp32 --json

``ratio`` is timed with the encoder's dropout on in both. ``loss_difference`` is the largest difference between the two
losses of one update, over updates with dropout off on the same batches from the same weights.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from atlop.batches import collate
from atlop.extractor import choose_device
from atlop.features import Features
from benchmarks.contenders import DATA, SHAPES, Contenders, contenders, documents
from benchmarks.measure import alternate, machine
from benchmarks.textbook import batches, labels_of

DOCUMENTS_PER_UPDATE = 4
"""As in the paper."""

LEARNING_RATE = 5e-5

Update = Callable[[Sequence[Features]], float]
"""Trains on one batch and gives its loss."""


def updater(model: nn.Module, loss_of: Callable[[Sequence[Features]], Tensor], *, dropout: bool) -> Update:
    """Give what trains a model on one batch.

    Args:
        model: the model.
        loss_of: gives the loss of a batch.
        dropout: whether the model drops values out.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0, eps=1e-6)

    def update(batch: Sequence[Features]) -> float:
        model.train(dropout)
        loss = loss_of(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return float(loss.detach())

    return update


def updaters(both: Contenders, *, dropout: bool) -> tuple[Update, Update]:
    """Give the textbook's and the product's updates; the textbook always computes in fp32."""
    product, device = both.product, both.product.device
    reduced = product.precision != "fp32"

    def textbook_loss(batch: Sequence[Features]) -> Tensor:
        return both.textbook.loss(both.textbook(batch), labels_of(batch).to(device))

    def product_loss(features: Sequence[Features]) -> Tensor:
        batch = collate(features, product.featurizer.special, product.checkpoint.tokenizer.pad_token_id or 0).to(device)
        if batch.labels is None:
            raise ValueError("the features of a training batch have no labels")
        with torch.autocast(device.type, torch.bfloat16, enabled=reduced):
            logits = product.model(batch)
        return product.model.loss(logits, batch.labels)

    textbook = updater(both.textbook, textbook_loss, dropout=dropout)
    return textbook, updater(product.model, product_loss, dropout=dropout)


def compare(shape: str, features: Sequence[Features], both: Contenders, *, runs: int, updates: int) -> dict[str, Any]:
    """Time both contenders with dropout, then follow their losses without."""
    groups = [group for group in batches(features, DOCUMENTS_PER_UPDATE) if len(group) == DOCUMENTS_PER_UPDATE]
    textbook, product = updaters(both, dropout=True)
    timing = alternate(lambda: [*map(textbook, groups)], lambda: [*map(product, groups)], runs=runs)
    count = DOCUMENTS_PER_UPDATE * len(groups)
    fresh = contenders(shape, precision=both.product.precision, device=both.product.device)
    first, second = updaters(fresh, dropout=False)
    order = [groups[update % len(groups)] for update in range(updates)]
    return {
        "ratio": timing.ratio,
        "seconds_per_document": statistics.median(timing.product) / count,
        "textbook_seconds_per_document": statistics.median(timing.textbook) / count,
        "loss_difference": max((abs(first(batch) - second(batch)) for batch in order), default=None),
    }


def main() -> None:
    """Measure and print one JSON object, or the same as lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="minilm")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--documents", type=int, default=16)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--updates", type=int, default=50)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    device = choose_device(options.device)
    both = contenders(options.shape, precision=options.precision, device=device)
    labels = both.product.checkpoint.labels
    features = [both.product.featurizer(text, labels) for text in documents(options.documents, options.data)]
    result = compare(options.shape, features, both, runs=options.runs, updates=options.updates)
    asked = {name: getattr(options, name) for name in ("shape", "precision", "documents", "runs", "updates")}
    result |= {**asked, **machine(device)}
    lines = [f"{name}: {value}" for name, value in result.items()]
    sys.stdout.write(json.dumps(result, indent=1) + "\n" if options.json else "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
