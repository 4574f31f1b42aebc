"""Training on ``transformers.Trainer``: two learning rates, linear warm-up, best epoch by dev F1, exact resumption.

The output folder is a model folder from the first scored epoch on, with the best epoch's weights. Beside the model it
holds ``training.json`` (the configuration), ``history.json`` (losses and scores) and ``states/`` (to resume from).
"""

from atlop.training.run import train

__all__ = ["train"]
