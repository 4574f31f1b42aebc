"""Subwords to states and attention: the transformer (paper equation 1), over as many windows as a document needs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import PreTrainedModel

from atlop.batches import Batch
from atlop.errors import unsupported_encoder
from atlop.limits import ENCODER_SUBWORDS, group_by_length
from atlop.model.attention import ATTENTION, Attend, MentionRows, Projections, attend, register_attention, select_rows


class Encoded(NamedTuple):
    """States of subwords [B, L, D], zero after the end of a document, and attention of mention starts [M, H, L]."""

    states: Tensor
    attention: Tensor
    projections: tuple[tuple[list[int], Projections], ...] = ()
    """For each group of windows encoded together, its windows and projections, where a head needs them."""


class Encoder(nn.Module):
    """Runs a transformer, any that ``AutoModel`` returns, over windows and joins the windows of each document."""

    def __init__(self, transformer: PreTrainedModel) -> None:
        super().__init__()
        self.transformer, config = transformer, transformer.config
        self.width: int = config.hidden_size
        self.layers: int = config.num_hidden_layers * getattr(config, "inner_group_num", 1)
        self.attend: Attend = attend
        self.keeps_projections = False
        # An encoder whose attention cannot be replaced runs unchanged and returns its whole attention map.
        causal = any(getattr(module, "is_causal", False) for module in transformer.modules())
        grouped = getattr(config, "num_key_value_heads", None) not in (None, config.num_attention_heads)
        self.replaceable = getattr(transformer, "_supports_attention_backend", False) and not (causal or grouped)
        if getattr(transformer, "pooler", None) is not None:
            # No score depends on it, and weights without gradients disturb training on several GPUs.
            transformer._modules["pooler"] = None
        register_attention()
        transformer.set_attn_implementation(ATTENTION if self.replaceable else "eager")

    @property
    def window(self) -> int:
        """The most subwords that the transformer reads at once."""
        size: int = max(0, getattr(self.transformer.config, "max_position_embeddings", 0)) or 512  # -1 in XLNet
        positions = getattr(getattr(self.transformer, "embeddings", None), "position_embeddings", None)
        # RoBERTa and its relatives number positions from the padding index on, so the table has unused rows.
        unused = getattr(positions, "padding_idx", None)
        return size if unused is None else size - unused - 1

    def forward(self, batch: Batch[Tensor]) -> Encoded:
        """Encode a batch; on a CPU, where padding costs time, a few windows of similar length at a time."""
        lengths = batch.attention_mask.sum(1).tolist()
        most = ENCODER_SUBWORDS if batch.input_ids.device.type == "cpu" else max(lengths) * len(lengths)
        groups = list(group_by_length(lengths, most))
        # Each lookup of embeddings costs a gradient as large as their table, so training makes a single one.
        words = self.transformer.get_input_embeddings()(batch.input_ids) if torch.is_grad_enabled() else batch.input_ids
        states, rows, projections = [], [], []
        for group in groups:
            length, windows = lengths[group[-1]], torch.tensor(group, device=words.device)
            mask, positions = batch.attention_mask[windows, :length], batch.row_positions[windows]
            found, attention, kept = self.transform(words[windows, :length], mask, positions)
            states.append(pad(found, (0, 0, 0, words.shape[1] - length)))
            rows.append(pad(attention, (0, words.shape[1] - length)))
            projections += [(group, kept)] if kept and self.keeps_projections else []
        order = torch.tensor([window for group in groups for window in group], device=words.device).argsort()
        joined = join_windows(torch.cat(states)[order], torch.cat(rows)[order], batch)
        return joined._replace(projections=tuple(projections))

    def transform(self, inputs: Tensor, mask: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Projections | None]:
        """Return the states [W, S, D] of windows, the attention rows of mention starts [W, H, Q, S], and projections.

        ``inputs`` are subwords [W, S] or their embeddings [W, S, D], ``positions`` are those of mention starts [W, Q].
        """
        given = {"inputs_embeds" if inputs.is_floating_point() else "input_ids": inputs, "attention_mask": mask}
        if not self.replaceable:
            output = self.transformer(**given, output_attentions=True)
            if not (maps := getattr(output, "attentions", None)) or maps[-1].shape[2:] != mask.shape[1:] * 2:
                raise unsupported_encoder(self.transformer, "no attention map of all its subwords")
            return output.last_hidden_state, select_rows(maps[-1], positions), None
        collector = MentionRows(positions, self.attend, self.layers)
        output = self.transformer(**given, mention_rows=collector)
        if collector.rows is None or collector.calls != self.layers:
            raise unsupported_encoder(self.transformer, f"{collector.calls} attention calls, expected {self.layers}")
        return output.last_hidden_state, collector.rows, collector.projections


def join_windows(states: Tensor, rows: Tensor, batch: Batch[Tensor]) -> Encoded:
    """Join the states [W, S, D] and attention rows [W, H, Q, S] of the windows of each document."""
    rows = rows.transpose(1, 2).flatten(0, 1).index_select(0, batch.row_places)
    if batch.whole:
        return Encoded(states * batch.attention_mask.unsqueeze(-1), rows)
    return Encoded(_join_states(states, batch), join_rows(rows, batch))


def _join_states(states: Tensor, batch: Batch[Tensor]) -> Tensor:
    """Return states [B, L, D], each the mean over the windows that contain the subword."""
    documents, length = batch.coverage.shape
    flat = states.new_zeros(documents * length + 1, states.shape[-1])
    flat = flat.index_add(0, batch.token_places.flatten(), states.flatten(0, 1))
    joined = flat[:-1].view(documents, length, -1)
    return joined / batch.coverage.clamp(min=1).unsqueeze(-1).to(joined.dtype)


def join_rows(rows: Tensor, batch: Batch[Tensor]) -> Tensor:
    """Return attention [M, H, L], the sum of a mention's rows [N, H, S], normalized where it has several windows."""
    (count, heads, _), length = rows.shape, batch.coverage.shape[1]
    target = rows.new_zeros(count, heads, length + 1)
    spread = target.scatter(2, batch.row_columns[:, None, :].expand(-1, heads, -1), rows)[:, :, :-1]
    joined = rows.new_zeros(batch.mention_split.shape[0], heads, length).index_add(0, batch.row_mentions, spread)
    share = joined / (joined.sum(-1, keepdim=True) + 1e-10)
    return torch.where(batch.mention_split[:, None, None], share, joined)
