"""Every optimisation by itself: how many times faster its part of the work is with it.

    python -m benchmarks.tried --json

Both forms run in turn on the processor, on made-up tensors of the sizes that MiniLM has on Re-DocRED; the gain is the
ratio of the medians. What a gain makes of a whole prediction depends on the share of its part.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch

from benchmarks.measure import alternate
from benchmarks.report import arguments, report
from benchmarks.trials import Trial, attentions, bilinears, contexts, linears


def gain(trial: Trial, *, runs: int) -> dict[str, Any]:
    """Time both forms of a trial."""
    timing = alternate(trial.without, trial.with_it, runs=runs)
    return {"name": trial.name, "predicted": trial.predicted, "gain": timing.ratio, "kept": trial.kept}


def parser() -> argparse.ArgumentParser:
    """Give the options."""
    options = arguments(__doc__)
    options.add_argument("--runs", type=int, default=15)
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    torch.manual_seed(0)
    trials = [trial for group in (linears, bilinears, contexts, attentions) for trial in group()]
    with torch.no_grad():
        gains = [gain(trial, runs=asked.runs) for trial in trials]
    report("tried", {"trials": gains}, asked)


if __name__ == "__main__":
    main()
