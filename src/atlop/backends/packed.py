"""The encoder for prediction on a CPU where its layers are of a kind that can be packed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from atlop.batches import Batch
from atlop.kernels.layers import Linear, PackedLayer
from atlop.model.encoder import Encoded, Encoder, join_windows

SUBWORDS_AT_ONCE = 2048
"""Subwords that go through the layers at one time, unless a single window has more."""


class PackedEncoder(nn.Module):
    """Does what an :class:`~atlop.model.encoder.Encoder` does, without padding and on packed layers.

    Args:
        encoder: one whose transformer :func:`~atlop.kernels.layers.has_packable_layers`.
        linear: makes the linear layers.
    """

    def __init__(self, encoder: Encoder, linear: Linear) -> None:
        super().__init__()
        self.window, self.width = encoder.window, encoder.width
        transformer = encoder.transformer
        self.embeddings = transformer.get_submodule("embeddings")
        # ELECTRA's embeddings may be narrower than its layers.
        self.project = getattr(transformer, "embeddings_project", nn.Identity())
        layers = transformer.get_submodule("encoder.layer").children()
        self.layers = nn.ModuleList(PackedLayer(layer, linear) for layer in layers)

    def forward(self, batch: Batch[Tensor]) -> Encoded:
        """Encode a batch; see :meth:`atlop.model.encoder.Encoder.forward`."""
        lengths, longest = batch.attention_mask.sum(1).tolist(), batch.input_ids.shape[1]
        states, rows = [], []
        for group in _groups(lengths):
            found, attention = self._read(batch, group, lengths[group])
            padding = [longest - length for length in lengths[group]]
            parts = found.split(lengths[group])
            states += [nn.functional.pad(part, (0, 0, 0, short)) for part, short in zip(parts, padding, strict=True)]
            rows += [nn.functional.pad(part, (0, short)) for part, short in zip(attention, padding, strict=True)]
        return join_windows(torch.stack(states), torch.stack(rows), batch)

    def _read(self, batch: Batch[Tensor], group: slice, lengths: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        """Give the states [T, D] of some windows one below another, and the attention rows of each, [H, Q, S]."""
        ids, mask = (table[group, : max(lengths)] for table in (batch.input_ids, batch.attention_mask))
        states, rows = self.project(self.embeddings(input_ids=ids))[mask.bool()], []
        last = len(self.layers) - 1
        for number, layer in enumerate(self.layers):
            states, rows = layer(states, lengths, batch.row_positions[group] if number == last else None)
        return states, rows


def _groups(lengths: Sequence[int]) -> Iterator[slice]:
    """Give windows, in their order, as many at one time as have so many subwords."""
    start = total = 0
    for place, length in enumerate(lengths):
        if start < place and total + length > SUBWORDS_AT_ONCE:
            yield slice(start, place)
            start, total = place, 0
        total += length
    yield slice(start, len(lengths))
