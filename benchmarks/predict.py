"""Prediction against the textbook, or against another checkout of this repository.

    python -m benchmarks.predict --shape minilm --precision fp32 --json
    python -m benchmarks.predict --against ../atlop-before --json

atlop is timed from documents to scores, tokenizing included; the textbook from features to scores. ``ratio`` is the
median time of the textbook over that of atlop, run in turn; ``floor_share`` is the share of atlop's time that its
multiplications need at the measured rate (``benchmarks/floor.py``): the fp32 rate, or for any other precision the best.
On a GPU the textbook computes in mixed precision unless atlop computes in fp32, on a CPU always in fp32.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from atlop import Document, RelationExtractor
from atlop.checkpoint import Checkpoint
from atlop.decoding import Offset, decode
from atlop.features import Features
from benchmarks.against import report_against
from benchmarks.contenders import SHAPES, checkpoint_of, product_of, textbook_of
from benchmarks.documents import documents
from benchmarks.floor import floor_seconds
from benchmarks.measure import alternate, beside_gemm, ratio
from benchmarks.report import arguments, report
from benchmarks.textbook import Textbook, batches

TEXTBOOK_BATCH = 8
"""Documents in a batch of the textbook."""


def textbook_logits(model: Textbook, features: Sequence[Features], *, mixed: bool = False) -> NDArray[np.float32]:
    """Score documents as the textbook does, the pairs of all of them one after another."""
    device = model.bilinear.weight.device.type
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=mixed):
        scores = [model(batch).float().cpu() for batch in batches(features, TEXTBOOK_BATCH)]
    return np.asarray(torch.cat(scores))


def product_logits(product: RelationExtractor, texts: Sequence[Document]) -> NDArray[np.float32]:
    """Score documents as atlop does, the pairs of all of them one after another."""
    return np.concatenate([scores.logits for scores in product.scores(texts)])


def compare(
    checkpoint: Checkpoint, texts: Sequence[Document], *, precision: str, runs: int, device: str
) -> dict[str, Any]:
    """Time both contenders in turn and compare their scores.

    Args:
        checkpoint: the weights of both.
        texts: what they predict.
        precision: of atlop.
        runs: counted runs of each.
        device: of both.
    """
    product, textbook = product_of(checkpoint, device=device, precision=precision), textbook_of(checkpoint, device)
    features = [product.featurizer(document) for document in texts]
    works = {
        "textbook": lambda: textbook_logits(textbook, features, mixed=device != "cpu" and precision != "fp32"),
        "atlop": lambda: product_logits(product, texts),
    }
    times, rates = beside_gemm(lambda: alternate(works, runs=runs), torch.device(device))
    offsets = checkpoint.calibration.offsets(checkpoint.labels.relations)
    floor = floor_of(checkpoint, features, rates["fp32"] if precision == "fp32" else max(rates.values()))
    return {
        "ratio": ratio(times),
        "floor_share": floor / statistics.median(times["atlop"]),
        "seconds_per_document": statistics.median(times["atlop"]) / len(texts),
        "textbook_seconds_per_document": statistics.median(times["textbook"]) / len(texts),
        "floor_seconds_per_document": floor / len(texts),
        **differences(works["textbook"](), works["atlop"](), checkpoint.config.max_labels, offsets),
        "gemm_gflops": rates,
        "run_seconds": times,
    }


def floor_of(checkpoint: Checkpoint, features: Sequence[Features], gflops: float) -> float:
    """Return the seconds that the multiplications of documents take at least."""
    encoder, columns = checkpoint.model.encoder.transformer.config, len(checkpoint.labels)
    return floor_seconds(features, encoder, checkpoint.config, columns, gflops * 1e9)


def differences(
    expected: NDArray[np.float32], found: NDArray[np.float32], max_labels: int | None, offset: Offset = 0.0
) -> dict[str, Any]:
    """Compare two sets of logits [P, R] of the same pairs, and the relations that are decoded from them."""
    first, second = (decode(logits, max_labels, offset) for logits in (expected, found))
    return {
        "pairs": len(expected),
        "largest_logit_difference": float(np.abs(expected - found).max()),
        "decisions_changed": int((first != second).any(1).sum()),
    }


def parser() -> argparse.ArgumentParser:
    """Return the options of this benchmark."""
    options = arguments(__doc__)
    options.add_argument("--shape", choices=SHAPES, default="minilm")
    options.add_argument("--precision", default="fp32", help="of atlop")
    options.add_argument("--documents", type=int, default=64)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--device", default="cpu")
    options.add_argument("--against", type=Path, metavar="CHECKOUT", help="compare with another checkout")
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    if asked.against:
        report_against("predict", asked)
        return
    texts, checkpoint = documents(asked.documents, asked.data), checkpoint_of(asked.shape)
    found = compare(checkpoint, texts, precision=asked.precision, runs=asked.runs, device=asked.device)
    report("predict", found, asked)


if __name__ == "__main__":
    main()
