"""Prediction in bf16 on a GPU against the textbook in bf16 on the same GPU.

    python -m benchmarks.gpu --shapes minilm,bert-base,roberta-large --json

Mixed precision is what the published code uses on a GPU, so the textbook has it here too. ``rate_share`` is the share
that the least multiplications of the answers (``benchmarks/floor.py``), done in the product's time, are of the rate
measured for one large product of matrices.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import torch

from atlop import Document
from benchmarks.contenders import SHAPES
from benchmarks.documents import documents
from benchmarks.predict import compare
from benchmarks.report import arguments, names, report


def compare_shapes(texts: Sequence[Document], shapes: Sequence[str], *, runs: int, device: str) -> dict[str, Any]:
    """Time both contenders of each shape in turn.

    Returns:
        Each figure, keyed by shape.
    """
    found = {
        shape: compare(shape, texts, precision="bf16", runs=runs, device=device, textbook_precision="bf16")
        for shape in shapes
    }
    return {
        "documents_per_second": {shape: 1 / row["seconds_per_document"] for shape, row in found.items()},
        "textbook_documents_per_second": {
            shape: 1 / row["textbook_seconds_per_document"] for shape, row in found.items()
        },
        "ratio": {shape: row["ratio"] for shape, row in found.items()},
        "rate_share": {shape: row["floor_share"] for shape, row in found.items()},
        "gemm_gflops": {shape: row["gemm_gflops"] for shape, row in found.items()},
        "run_seconds": {shape: row["run_seconds"] for shape, row in found.items()},
    }


def parser() -> argparse.ArgumentParser:
    """Give the options of this benchmark."""
    options = arguments(__doc__)
    options.add_argument("--shapes", type=names, default=[*SHAPES], help="sizes of models, split by commas")
    options.add_argument("--documents", type=int, default=500)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--device", default="cuda", help="cpu only to try the script")
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    if asked.device == "cuda" and not torch.cuda.is_available():
        sys.exit("benchmarks.gpu: this machine has no CUDA GPU; --device cpu with few documents tries the script")
    texts = documents(asked.documents, asked.data)
    report("gpu", compare_shapes(texts, asked.shapes, runs=asked.runs, device=asked.device), asked)


if __name__ == "__main__":
    main()
