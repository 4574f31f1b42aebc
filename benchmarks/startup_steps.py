"""The start of ``atlop predict`` step by step, in this process: what each step takes, as one JSON object.

    python -m benchmarks.startup_steps document.jsonl --precision fp32

Nothing that a step needs is imported before it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

IMPORTS = {
    "torch": ("torch",),
    "transformers": ("transformers.models.auto", "transformers.modeling_utils"),
    "rest of atlop": ("atlop.cli.prediction", "atlop.checkpoint", "atlop.backends.pytorch"),
}
"""What is imported in each step, in the order in which the command does."""


class Laps:
    """The seconds from one lap to the next."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def end(self, step: str) -> None:
        """End a step; those that were told apart before are not counted again."""
        now = time.perf_counter()
        self.seconds[step] = now - self._since
        self._since = now

    def apart(self, step: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Give a function whose time counts as a step of its own."""

        def timed(*arguments: Any) -> Any:
            started = time.perf_counter()
            result = work(*arguments)
            self.seconds[step] = time.perf_counter() - started
            self._since += self.seconds[step]
            return result

        return timed


def measure(path: str, *, precision: str) -> dict[str, float]:
    """Go through the start and predict the documents of a file."""
    laps = Laps()
    without_gc = import_module("atlop.cli.startup").without_gc
    laps.end("command line")
    with without_gc():
        for step, modules in IMPORTS.items():
            for module in modules:
                import_module(module)
            laps.end(step)
        atlop: Any = import_module("atlop")
        checkpoint: Any = import_module("atlop.checkpoint")
        checkpoint.load_tokenizer = laps.apart("tokenizer", checkpoint.load_tokenizer)
        extractor = atlop.load(precision=precision)
        laps.end("weights")
    list(extractor.predict(atlop.read(path)))
    laps.end("first document")
    return laps.seconds


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", help="file of the document")
    parser.add_argument("--precision", default="fp32")
    asked = parser.parse_args()
    sys.stdout.write(json.dumps(measure(asked.path, precision=asked.precision)) + "\n")


if __name__ == "__main__":
    main()
