"""Prediction against the textbook.

    python -m benchmarks.predict --shape minilm --precision fp32 --json

The product is timed from documents to scores, tokenizing included; the textbook from features to scores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from atlop import Document
from atlop.extractor import choose_device
from atlop.features import Features
from atlop.model.scores import decide
from benchmarks.contenders import DATA, SHAPES, Contenders, contenders, documents
from benchmarks.floor import floor_seconds
from benchmarks.measure import alternate, gemm_rate, machine
from benchmarks.textbook import batches

TEXTBOOK_BATCH = 8
"""Documents that the textbook predicts at once."""


def textbook_logits(both: Contenders, features: Sequence[Features]) -> list[Tensor]:
    """Score documents as the textbook does."""
    with torch.inference_mode():
        scores = [both.textbook(batch).cpu() for batch in batches(features, TEXTBOOK_BATCH)]
    return list(torch.cat(scores).split([len(document.pairs) for document in features]))


def product_logits(both: Contenders, texts: Sequence[Document]) -> list[Tensor]:
    """Score documents as the product does."""
    return [torch.from_numpy(scores.logits) for scores in both.product.scores(texts)]


def compare(both: Contenders, texts: Sequence[Document], *, runs: int) -> dict[str, Any]:
    """Time both contenders and compare what they say."""
    features = [both.product.featurizer(document) for document in texts]
    timing = alternate(lambda: textbook_logits(both, features), lambda: product_logits(both, texts), runs=runs)
    seconds, textbook = (statistics.median(row) / len(texts) for row in (timing.product, timing.textbook))
    expected, found = torch.cat(textbook_logits(both, features)), torch.cat(product_logits(both, texts))
    limit = both.product.checkpoint.config.max_labels
    return {
        "ratio": timing.ratio,
        "floor_share": floor(both, features) / len(texts) / seconds,
        "seconds_per_document": seconds,
        "textbook_seconds_per_document": textbook,
        "largest_logit_difference": float((expected - found).abs().max()),
        "decisions_changed": int((decide(expected, limit) != decide(found, limit)).any(1).sum()),
    }


def floor(both: Contenders, features: Sequence[Features]) -> float:
    """Give the seconds that the multiplications of the documents take at the least."""
    product = both.product
    dtype = torch.float32 if product.precision == "fp32" else torch.bfloat16
    config, columns = product.checkpoint.config, len(product.checkpoint.labels)
    encoder = product.model.encoder.transformer.config
    return floor_seconds(features, encoder, config, columns, gemm_rate(dtype, product.device))


def main() -> None:
    """Measure and print one JSON object, or the same as lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="minilm")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--documents", type=int, default=64)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    device = choose_device(options.device)
    both = contenders(options.shape, precision=options.precision, device=device)
    result = compare(both, documents(options.documents, options.data), runs=options.runs)
    asked = {name: getattr(options, name) for name in ("shape", "precision", "documents", "runs")}
    result |= {**asked, **machine(device)}
    lines = [f"{name}: {value}" for name, value in result.items()]
    sys.stdout.write(json.dumps(result, indent=1) + "\n" if options.json else "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
