"""Finding entities and relations against relations alone, with and without evidence, and texts of many pages.

    python -m benchmarks.extract --model runs/reader --documents 64 --pages 1,10,100 --json

Relations alone are predicted for the entities that the model found, so that all score the same pairs, in turn;
``evidence_share`` is the part of their time that evidence takes. A page is 500 words of Re-DocRED documents one after
another. Each number of pages is measured in a fresh process.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import atlop
from atlop import Document, RelationExtractor
from atlop.backends.pytorch import TorchBackend
from atlop.checkpoint import Checkpoint, build_model
from atlop.checkpoint import load as load_checkpoint
from atlop.folder import find_folder
from benchmarks.documents import documents, long_text
from benchmarks.measure import alternate, memory_mb, seconds
from benchmarks.report import arguments, integers, report

PAGE = 500
"""Words of a page."""


def compare(model: str | None, corpus: Sequence[Document], *, precision: str, runs: int) -> dict[str, Any]:
    """Time both on the same documents, in turn."""
    extractor, plain = atlop.load(model, device="cpu", precision=precision), without_evidence(model, precision)
    found = list(extractor.extract(corpus))
    works = {
        "extract": lambda: list(extractor.extract(corpus)),
        "relations": lambda: list(extractor.predict(found)),
        "relations_without_evidence": lambda: list(plain.predict(found)),
    }
    times = alternate(works, runs=runs)
    typical = {name: statistics.median(row) for name, row in times.items()}
    return {
        "seconds_per_document": {name: taken / len(corpus) for name, taken in typical.items()},
        "times_relations_alone": typical["extract"] / typical["relations"],
        "evidence_share": 1 - typical["relations_without_evidence"] / typical["relations"],
        "run_seconds": times,
    }


def without_evidence(model: str | None, precision: str) -> RelationExtractor:
    """Return an extractor whose model has no head for evidence."""
    stored = load_checkpoint(find_folder(model))
    heads = tuple(name for name in stored.config.heads if name != "evidence")
    config = replace(stored.config, heads=heads)
    network = build_model(stored.model.encoder.transformer, config, stored.labels)
    network.load_state_dict(stored.model.state_dict())
    checkpoint = Checkpoint(network, config, stored.labels, stored.tokenizer, stored.calibration)
    return RelationExtractor(TorchBackend(checkpoint, precision=precision))


def measure(model: str | None, text: Document, precision: str) -> dict[str, Any]:
    """Extract from one text in this process."""
    extractor = atlop.load(model, device="cpu", precision=precision)
    before, found = memory_mb("VmHWM"), list[Document]()
    taken = seconds(lambda: found.extend(extractor.extract([text])))
    return {
        "seconds": taken,
        "peak_mb": memory_mb("VmHWM"),
        "loaded_mb": before,
        "entities": len(found[0].entities),
        "relations": len(found[0].relations),
    }


def long_texts(
    model: str | None, corpus: Sequence[Document], pages: Sequence[int], *, precision: str
) -> dict[str, dict[str, Any]]:
    """Measure texts of some numbers of pages, each in a fresh process."""
    found = {}
    for count in pages:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            text = long_text(corpus, count * PAGE, entities=1)
            found[str(count)] = pool.submit(measure, model, text, precision).result()
    return found


def parser() -> argparse.ArgumentParser:
    """Return the options of this benchmark."""
    options = arguments(__doc__)
    options.add_argument("--model", help="a model that finds entities; the bundled one by default")
    options.add_argument("--documents", type=int, default=64)
    options.add_argument("--pages", type=integers, default=[1, 10, 100], help="numbers of pages, separated by commas")
    options.add_argument("--precision", default="fp32")
    options.add_argument("--runs", type=int, default=5)
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    corpus = documents(path=asked.data)
    found = compare(asked.model, corpus[: asked.documents], precision=asked.precision, runs=asked.runs)
    found["long_texts"] = long_texts(asked.model, corpus, asked.pages, precision=asked.precision)
    report("extract", found, asked)


if __name__ == "__main__":
    main()
