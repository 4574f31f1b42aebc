"""One side of a comparison of two checkouts: prints its number of documents, and works once for every line it reads.

:mod:`benchmarks.against` runs this file with either checkout's packages on the path, so it uses only what both have.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import atlop


def predict(asked: Namespace) -> tuple[int, Callable[[], object]]:
    """Return the number of documents, and what scores them."""
    documents = atlop.read(asked.data)[: asked.documents]
    if asked.shape == "minilm":
        extractor = atlop.load(device=asked.device, precision=asked.precision)
    else:
        from benchmarks.contenders import checkpoint_of, product_of

        extractor = product_of(checkpoint_of(asked.shape), device=asked.device, precision=asked.precision)
    return len(documents), lambda: list(extractor.scores(documents))


def train(asked: Namespace) -> tuple[int, Callable[[], object]]:
    """Return the number of documents in complete batches, and what trains on them."""
    from benchmarks.contenders import checkpoint_of
    from benchmarks.train import groups_of, product_updater

    checkpoint, groups = checkpoint_of(asked.shape), groups_of(asked.shape, asked)
    update = product_updater(checkpoint, device=asked.device, precision=asked.precision, dropout=True)
    return sum(map(len, groups)), lambda: [*map(update, groups)]


def main() -> None:
    """Do the work of the options, a JSON object, until the input ends."""
    asked = Namespace(**json.loads(sys.argv[1]))
    asked.data = Path(asked.data)
    count, work = {"predict": predict, "train": train}[asked.work](asked)
    print(count, flush=True)
    for _ in sys.stdin:
        work()
        print("done", flush=True)


if __name__ == "__main__":
    main()
