"""The least work that ATLOP's scores take: multiplications of real subwords only, nothing computed twice.

Multiply-adds per document (letters as in :mod:`atlop.model`; N layers, F width of the feed-forward layer, C width of
the context):

    encoder      N * L * (4 D^2 + 2 D F)  +  N * 2 L^2 D
    contexts     U * L * D
    projections  2 K * (E * D  +  U * C)
    bilinear     P * K * block * R
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from transformers import PretrainedConfig

from atlop.config import ModelConfig
from atlop.features import Features


def multiplications(features: Features, encoder: PretrainedConfig, config: ModelConfig, columns: int) -> int:
    """Count the multiplications that one document takes at least."""
    length, width, layers = len(features.input_ids), encoder.hidden_size, encoder.num_hidden_layers
    unordered = len(np.unique(np.sort(features.pairs, axis=1), axis=0))
    context = width if config.context == "localized" else 0
    linear = layers * length * (4 * width**2 + 2 * width * encoder.intermediate_size)
    attention = layers * 2 * length**2 * width
    projections = 2 * config.embedding_size * (features.entities * width + unordered * context)
    bilinear = len(features.pairs) * config.embedding_size * config.block_size * columns
    return int(linear + attention + unordered * length * context + projections + bilinear)


def floor_seconds(
    documents: Sequence[Features], encoder: PretrainedConfig, config: ModelConfig, columns: int, rate: float
) -> float:
    """Return the seconds that the multiplications of several documents take at a rate of operations per second."""
    return sum(2 * multiplications(document, encoder, config, columns) for document in documents) / rate
