"""Training on ``transformers.Trainer``: two learning rates, linear warmup, best epoch by dev F1, exact resumption.

From the first scored epoch on, the output folder is a model folder with the weights of the best epoch. It also holds
``training.json`` (the configuration), ``history.json`` (losses and scores) and ``states/`` (to resume from).
"""

from atlop.training.run import train

__all__ = ["train"]
