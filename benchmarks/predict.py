"""Prediction against the textbook.

    python -m benchmarks.predict --shape minilm --precision fp32 --json

The product is timed from documents to scores, tokenizing included; the textbook from features to scores. ``ratio`` is
the median time of the textbook over that of the product, run in turn; ``floor_share`` is the share of the product's
time that its multiplications need at the measured rate (``benchmarks/floor.py``), which for every precision but fp32
is the better one of fp32 and bf16.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from atlop import Document, RelationExtractor
from atlop.checkpoint import Checkpoint
from atlop.config import ModelConfig
from atlop.decoding import decode
from atlop.features import Features
from benchmarks.contenders import SHAPES, checkpoint_of, product_of, textbook_of
from benchmarks.documents import documents
from benchmarks.floor import floor_seconds
from benchmarks.measure import alternate, beside_gemm
from benchmarks.report import arguments, report
from benchmarks.textbook import Textbook, batches

TEXTBOOK_BATCH = 8
"""Documents that the textbook predicts at once."""


def textbook_logits(model: Textbook, features: Sequence[Features], precision: str = "fp32") -> NDArray[np.float32]:
    """Score documents as the textbook does, all pairs one below another."""
    device = model.bilinear.weight.device.type
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=precision != "fp32"):
        scores = [model(batch).float().cpu() for batch in batches(features, TEXTBOOK_BATCH)]
    return np.asarray(torch.cat(scores))


def product_logits(product: RelationExtractor, texts: Sequence[Document]) -> NDArray[np.float32]:
    """Score documents as the product does, all pairs one below another."""
    return np.concatenate([scores.logits for scores in product.scores(texts)])


def compare(
    shape: str, texts: Sequence[Document], *, precision: str, runs: int, device: str, textbook_precision: str = "fp32"
) -> dict[str, Any]:
    """Time both contenders in turn and compare what they say.

    Args:
        shape: of both models.
        texts: what they predict.
        precision: the product's.
        runs: counted runs of each.
        device: of both.
        textbook_precision: the textbook's.
    """
    checkpoint = checkpoint_of(shape)
    product, textbook = product_of(checkpoint, device=device, precision=precision), textbook_of(checkpoint, device)
    features = [product.featurizer(document) for document in texts]

    def timed_textbook() -> NDArray[np.float32]:
        return textbook_logits(textbook, features, textbook_precision)

    def timed_product() -> NDArray[np.float32]:
        return product_logits(product, texts)

    timing, rates = beside_gemm(lambda: alternate(timed_textbook, timed_product, runs=runs), torch.device(device))
    floor = floor_of(checkpoint, features, rates["fp32"] if precision == "fp32" else max(rates.values()))
    return {
        "ratio": timing.ratio,
        "floor_share": floor / statistics.median(timing.product),
        "seconds_per_document": statistics.median(timing.product) / len(texts),
        "textbook_seconds_per_document": statistics.median(timing.textbook) / len(texts),
        "floor_seconds_per_document": floor / len(texts),
        **differences(timed_textbook(), timed_product(), checkpoint.config),
        "gemm_gflops": rates,
        "run_seconds": timing.to_json(),
    }


def floor_of(checkpoint: Checkpoint, features: Sequence[Features], gflops: float) -> float:
    """Give the seconds that the multiplications of documents take at the least."""
    encoder, columns = checkpoint.model.encoder.transformer.config, len(checkpoint.labels)
    return floor_seconds(features, encoder, checkpoint.config, columns, gflops * 1e9)


def differences(expected: NDArray[np.float32], found: NDArray[np.float32], config: ModelConfig) -> dict[str, Any]:
    """Compare two ways of scoring the same pairs.

    Args:
        expected: the logits of one, [P, R].
        found: those of the other, [P, R].
        config: how a model decides by them.
    """
    first, second = (decode(logits, config.max_labels, config.threshold_offset) for logits in (expected, found))
    return {
        "pairs": len(expected),
        "largest_logit_difference": float(np.abs(expected - found).max()),
        "decisions_changed": int((first != second).any(1).sum()),
    }


def parser() -> argparse.ArgumentParser:
    """Give the options of this benchmark."""
    options = arguments(__doc__)
    options.add_argument("--shape", choices=SHAPES, default="minilm")
    options.add_argument("--precision", default="fp32", help="of the product; the textbook computes in fp32")
    options.add_argument("--documents", type=int, default=64)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--device", default="cpu")
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    texts = documents(asked.documents, asked.data)
    found = compare(asked.shape, texts, precision=asked.precision, runs=asked.runs, device=asked.device)
    report("predict", found, asked)


if __name__ == "__main__":
    main()
