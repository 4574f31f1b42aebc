"""Time and memory of one document against the number of its entities, with the bundled model.

    python -m benchmarks.entities --counts 100,200,300 --json

The text is the same for all counts: as many Re-DocRED documents as the largest count needs, one after another, with
only the first entities marked. Each count is measured in a fresh process. ``seconds_per_million_pairs`` excludes
``text_seconds``, the time of the same text with two entities.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from atlop import Document
from benchmarks.documents import crowded, documents
from benchmarks.growth import alone, each_alone
from benchmarks.report import arguments, integers, report

FEWEST = 2
"""Entities of the document that shows the cost of the text alone: they make two pairs."""


def compare(corpus: Sequence[Document], counts: Sequence[int], *, precision: str, runs: int) -> dict[str, Any]:
    """Measure the same text with each number of entities."""
    texts = crowded(corpus, [FEWEST, *counts])
    bare = alone(texts[FEWEST], precision=precision, runs=runs)
    found = each_alone({count: texts[count] for count in counts}, precision=precision, runs=runs)
    pairs = {str(count): count * (count - 1) for count in counts}
    above = {count: found["seconds"][count] - bare["seconds"] for count in pairs}
    return {
        **found,
        "pairs": pairs,
        "seconds_per_million_pairs": {count: above[count] / pairs[count] * 1e6 for count in pairs},
        "text_seconds": bare["seconds"],
        "text_peak_mb": bare["peak_mb"],
        "words": sum(map(len, texts[FEWEST].sentences)),
    }


def parser() -> argparse.ArgumentParser:
    """Return the options of this benchmark."""
    options = arguments(__doc__)
    options.add_argument(
        "--counts", type=integers, default=[100, 200, 300], help="numbers of entities, separated by commas"
    )
    options.add_argument("--precision", default="fp32")
    options.add_argument("--runs", type=int, default=3)
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    corpus = documents(path=asked.data)
    report("entities", compare(corpus, asked.counts, precision=asked.precision, runs=asked.runs), asked)


if __name__ == "__main__":
    main()
