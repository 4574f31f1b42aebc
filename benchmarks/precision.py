"""The dev F1 of the bundled model at each precision, and what changes against fp32.

    python -m benchmarks.precision --json

A precision that this machine lacks is left out, with the error message.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import atlop
from atlop import Document, RelationExtractor, evaluate
from atlop.errors import AtlopError
from benchmarks.documents import documents
from benchmarks.predict import differences
from benchmarks.report import arguments, names, report

REFERENCE = "fp32"
"""What the other precisions are compared with."""


def score(extractor: RelationExtractor, dev: Sequence[Document]) -> tuple[float, NDArray[np.float32]]:
    """Return the F1 of a model, and the logits [P, R] of all pairs of all documents."""
    scores = list(extractor.scores(dev))
    predicted = [text.with_relations(extractor.relations(row)) for text, row in zip(dev, scores, strict=True)]
    return evaluate(dev, predicted).f1, np.concatenate([row.logits for row in scores])


def compare(dev: Sequence[Document], precisions: Sequence[str]) -> dict[str, Any]:
    """Score the dev documents at each precision."""
    f1, expected = score(atlop.load(device="cpu", precision=REFERENCE), dev)
    rows: dict[str, dict[str, Any]] = {REFERENCE: {"f1": f1}}
    left_out = {}
    for precision in precisions:
        if precision == REFERENCE:
            continue
        try:
            extractor = atlop.load(device="cpu", precision=precision)
        except AtlopError as error:
            left_out[precision] = str(error)
            continue
        f1, found = score(extractor, dev)
        offsets = extractor.calibration.offsets(extractor.backend.labels.relations)
        rows[precision] = {"f1": f1, **differences(expected, found, extractor.backend.config.max_labels, offsets)}
    return {"precisions": rows, "left_out": left_out}


def parser() -> argparse.ArgumentParser:
    """Return the options of this benchmark."""
    options = arguments(__doc__)
    precisions = ["fp32", "auto"]
    options.add_argument("--precision", type=names, default=precisions, help="precisions, separated by commas")
    options.add_argument("--documents", type=int, default=500)
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    report("precision", compare(documents(asked.documents, asked.data), asked.precision), asked)


if __name__ == "__main__":
    main()
