"""Training on ``transformers.Trainer``: two learning rates, linear warmup, best epoch by dev F1, exact resumption.

From the first scored epoch on, the output folder is a model folder with the weights of the best epoch. It also contains
``training.json`` (the configuration), ``history.json`` (losses and scores) and ``states/`` (to resume from).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atlop.training.run import train

__all__ = ["train"]


def __getattr__(name: str) -> Any:
    # Imported on first use, so that an exported model can be tuned without torch.
    if name != "train":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from atlop.training.run import train

    return train
