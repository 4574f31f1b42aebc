"""Time and memory of one document against the number of its words, with the bundled model.

    python -m benchmarks.length --counts 128,512,2048,8192,16384 --json

The texts are Re-DocRED documents one after another, cut off after that many words, with 20 entities of one word each
spread evenly over them. Each count is measured in a fresh process.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from atlop import Document
from benchmarks.documents import documents, long_text
from benchmarks.growth import each_alone
from benchmarks.report import arguments, integers, report


def compare(
    corpus: Sequence[Document], counts: Sequence[int], *, entities: int, precision: str, runs: int
) -> dict[str, Any]:
    """Measure a text of each number of words."""
    texts = {count: long_text(corpus, count, entities=entities) for count in counts}
    found = each_alone(texts, precision=precision, runs=runs)
    per_thousand = {str(count): found["seconds"][str(count)] / count * 1000 for count in counts}
    return {**found, "seconds_per_thousand_words": per_thousand}


def parser() -> argparse.ArgumentParser:
    """Return the options of this benchmark."""
    options = arguments(__doc__)
    counts = [128, 512, 2048, 8192, 16384]
    options.add_argument("--counts", type=integers, default=counts, help="numbers of words, separated by commas")
    options.add_argument("--entities", type=int, default=20)
    options.add_argument("--precision", default="fp32")
    options.add_argument("--runs", type=int, default=3)
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    corpus = documents(path=asked.data)
    found = compare(corpus, asked.counts, entities=asked.entities, precision=asked.precision, runs=asked.runs)
    report("length", found, asked)


if __name__ == "__main__":
    main()
