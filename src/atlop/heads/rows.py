"""Attention of mentions that are found only after the encoder has run, from what its last layer keeps."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from atlop.batches import Batch
from atlop.errors import CheckpointError
from atlop.model.attention import attention_rows
from atlop.model.encoder import Encoded, join_rows


def with_mentions(encoded: Encoded, batch: Batch[Tensor]) -> Encoded:
    """Return what was encoded with the attention [M, H, L] of the mentions of a batch.

    Args:
        encoded: what the encoder made of the same subwords, with ``projections``.
        batch: the same documents, with other mentions.

    Raises:
        CheckpointError: if the encoder keeps no projections.
    """
    if not encoded.projections:
        problem = "the encoder keeps no queries and keys, expected one whose attention can be replaced"
        raise CheckpointError(f"mentions: {problem}; mark the entities, or train with another encoder")
    length, rows = batch.input_ids.shape[1], []
    for windows, projections in encoded.projections:
        size = projections.key.shape[2]
        mask = batch.attention_mask[windows, :size].bool()[:, None, None]
        found = attention_rows(projections, mask, batch.row_positions[windows])
        rows.append(pad(found, (0, length - size)))
    order = [window for windows, _ in encoded.projections for window in windows]
    sorted_rows = torch.cat(rows)[torch.tensor(order, device=rows[0].device).argsort()]
    attention = sorted_rows.transpose(1, 2).flatten(0, 1).index_select(0, batch.row_places)
    return encoded._replace(attention=attention if batch.whole else join_rows(attention, batch))
