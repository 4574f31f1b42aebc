"""Subwords to states and attention: the transformer, over as many windows as a document needs.

Localized context pooling reads the last layer's attention, and only the rows of mention starts (paper section 4.2). So
every layer runs on the fast attention kernel, which keeps no attention, and the last layer computes these few rows
beside it. Encoders that do not let their attention be replaced run as they are and hand out the whole map.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from atlop.batches import Batch, group_by_length
from atlop.errors import CheckpointError
from atlop.kernels.attention import ATTENTION, MentionRows, register_attention, select_rows
from atlop.kernels.dropout import replace_dropout
from atlop.kernels.linear import FastLinear, replace_linears
from atlop.kernels.windows import join_rows, join_states

SUBWORDS_AT_ONCE = 512
"""Subwords that go through the transformer at one time on a processor, unless a single window has more."""


class Encoded(NamedTuple):
    """What the encoder knows of a batch.

    Shapes: ``states`` [B, L, D], ``attention`` [M, H, L].
    """

    states: Tensor
    """Last hidden state of every subword; zero where a document ends before the longest."""
    attention: Tensor
    """Attention that each mention start pays to each subword of its document."""


class Encoder(nn.Module):
    """Runs a transformer over the windows of a batch and joins the windows of each document.

    Args:
        transformer: any encoder that ``AutoModel`` gives.
    """

    def __init__(self, transformer: PreTrainedModel) -> None:
        super().__init__()
        self.transformer = transformer
        config = transformer.config
        self.width: int = config.hidden_size
        self.layers: int = config.num_hidden_layers * getattr(config, "inner_group_num", 1)
        self.replaceable = bool(getattr(transformer, "_supports_attention_backend", False))
        replace_dropout(transformer)
        replace_linears(transformer, FastLinear)
        if getattr(transformer, "pooler", None) is not None:
            # No score depends on it, and weights without gradients disturb training on several GPUs.
            transformer.register_module("pooler", None)
        if self.replaceable:
            register_attention()
        transformer.set_attn_implementation(ATTENTION if self.replaceable else "eager")

    @property
    def window(self) -> int:
        """The most subwords that the transformer reads at once."""
        size: int = getattr(self.transformer.config, "max_position_embeddings", 512)
        positions = getattr(getattr(self.transformer, "embeddings", None), "position_embeddings", None)
        # RoBERTa and its kin number positions from the padding index on, so some of the table is never used.
        unused = getattr(positions, "padding_idx", None)
        return size if unused is None else size - unused - 1

    def forward(self, batch: Batch[Tensor]) -> Encoded:
        """Encode a batch; several windows of a document are joined, states averaged where they overlap.

        Where a document has several windows, a mention's attention is summed over them and made to sum to one again.
        """
        by_length = batch.input_ids.device.type == "cpu"
        return join_windows(*(self._transform_by_length(batch) if by_length else self.transform(batch)), batch)

    def _transform_by_length(self, batch: Batch[Tensor]) -> tuple[Tensor, Tensor]:
        """Do as :meth:`transform`, a few windows of about equal length at a time: a processor pays for all padding."""
        lengths, (_, longest) = batch.attention_mask.sum(1).tolist(), batch.input_ids.shape
        order, states, rows = [], [], []
        # Every look into the embeddings costs a gradient of the size of their table.
        words = self.transformer.get_input_embeddings()(batch.input_ids) if torch.is_grad_enabled() else None
        for group in group_by_length(lengths, SUBWORDS_AT_ONCE):
            windows, length = torch.tensor(group), lengths[group[-1]]
            ids, mask = batch.input_ids[windows, :length], batch.attention_mask[windows, :length]
            positions = batch.row_positions[windows]
            part = replace(batch, input_ids=ids, attention_mask=mask, row_positions=positions)
            found = self.transform(part, None if words is None else words[windows, :length])
            states.append(nn.functional.pad(found[0], (0, 0, 0, longest - length)))
            rows.append(nn.functional.pad(found[1], (0, longest - length)))
            order += group
        back = torch.tensor(order).argsort()
        return torch.cat(states)[back], torch.cat(rows)[back]

    def transform(self, batch: Batch[Tensor], words: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Give states [W, S, D] and attention rows [W, H, Q, S], of ``words`` [W, S, D] where subwords are embedded."""
        inputs = {"input_ids": batch.input_ids} if words is None else {"inputs_embeds": words}
        inputs["attention_mask"] = batch.attention_mask
        if not self.replaceable:
            output = self.transformer(**inputs, output_attentions=True)
            return output.last_hidden_state, select_rows(output.attentions[-1], batch.row_positions)
        collector = MentionRows(batch.row_positions, self.layers)
        output = self.transformer(**inputs, mention_rows=collector)
        if collector.rows is None or collector.calls != self.layers:
            name = type(self.transformer).__name__
            calls = f"{collector.calls} attention calls, expected {self.layers}"
            raise CheckpointError(f"encoder {name}: got {calls}; this kind of encoder cannot be used")
        return output.last_hidden_state, collector.rows


def join_windows(states: Tensor, rows: Tensor, batch: Batch[Tensor]) -> Encoded:
    """Join what :meth:`Encoder.transform` gave of the windows of a batch, document by document."""
    seen = rows.transpose(1, 2).flatten(0, 1).index_select(0, batch.row_places)
    if batch.whole:
        return Encoded(states * batch.attention_mask.unsqueeze(-1), seen)
    columns, mentions, length = batch.row_columns, batch.row_mentions, batch.coverage.shape[1]
    attention = join_rows(seen, columns, mentions, batch.mention_split, length)
    return Encoded(join_states(states, batch.token_places, batch.coverage), attention)
