"""ATLOP as its paper and its published code describe it: what a user would run without this project.

The encoder keeps the attention maps of all layers; documents, entities and mentions are looped over in Python; the
outer product of the bilinear layer exists for all pairs of a batch at once; batches are padded and in file order. It
shares features and parameters with atlop, and none of its computation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from atlop.features import Features
from atlop.windows import SpecialSubwords

WINDOW = 512
"""Subwords of a window in the published code."""


class Textbook(nn.Module):
    """The published model.

    Args:
        transformer: the encoder, with eager attention.
        special: the subwords that frame its windows.
        size: width of head and tail.
        block: width of one group of the bilinear layer.
        columns: number of relations, the threshold included.
    """

    def __init__(
        self, transformer: PreTrainedModel, special: SpecialSubwords, *, size: int, block: int, columns: int
    ) -> None:
        super().__init__()
        transformer.set_attn_implementation("eager")
        self.transformer, self.special = transformer, special
        self.size, self.block = size, block
        width = transformer.config.hidden_size
        self.head = nn.Linear(2 * width, size)
        self.tail = nn.Linear(2 * width, size)
        self.bilinear = nn.Linear(size * block, columns)

    def forward(self, documents: Sequence[Features]) -> Tensor:
        """Return the logits [P, R] of the pairs of all documents, in order."""
        ids, mask = self.pad(documents)
        states, attention = self.encode(ids, mask)
        heads, tails, contexts = self.represent(states, attention, documents)
        head = torch.tanh(self.head(torch.cat([heads, contexts], dim=1)))
        tail = torch.tanh(self.tail(torch.cat([tails, contexts], dim=1)))
        left = head.view(-1, self.size // self.block, self.block)
        right = tail.view(-1, self.size // self.block, self.block)
        products = (left.unsqueeze(3) * right.unsqueeze(2)).view(-1, self.size * self.block)
        logits: Tensor = self.bilinear(products)
        return logits

    def pad(self, documents: Sequence[Features]) -> tuple[Tensor, Tensor]:
        """Pad the documents of a batch to the longest."""
        longest = max(len(document.input_ids) for document in documents)
        ids = torch.zeros(len(documents), longest, dtype=torch.long)
        mask = torch.zeros(len(documents), longest)
        for row, document in enumerate(documents):
            ids[row, : len(document.input_ids)] = torch.from_numpy(document.input_ids)
            mask[row, : len(document.input_ids)] = 1
        device = self.head.weight.device
        return ids.to(device), mask.to(device)

    def run(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Run the encoder; all layers' attention is kept, the last layer's is used."""
        output = self.transformer(input_ids=ids, attention_mask=mask, output_attentions=True)
        return output.last_hidden_state, output.attentions[-1]

    def encode(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return states and attention of whole documents, encoding those over 512 subwords in two windows."""
        if ids.shape[1] <= WINDOW:
            return self.run(ids, mask)
        begin, end = (ids.new_tensor(part) for part in (self.special.prefix, self.special.break_suffix))
        lengths = mask.sum(1).long().tolist()
        rows, masks = [], []
        for row, length in enumerate(lengths):
            if length <= WINDOW:
                rows.append(ids[row, :WINDOW])
                masks.append(mask[row, :WINDOW])
            else:
                rows.append(torch.cat([ids[row, : WINDOW - len(end)], end]))
                rows.append(torch.cat([begin, ids[row, length - WINDOW + len(begin) : length]]))
                masks += [mask[row, :WINDOW], mask[row, length - WINDOW : length]]
        states, attention = self.run(torch.stack(rows), torch.stack(masks))
        return self.join(states, attention, lengths, ids.shape[1])

    def join(self, states: Tensor, attention: Tensor, lengths: list[int], longest: int) -> tuple[Tensor, Tensor]:
        """Join the two windows of each document where they overlap."""
        begin, end = len(self.special.prefix), len(self.special.break_suffix)
        all_states, all_attention = [], []
        window = 0
        for length in lengths:
            state = states.new_zeros(longest, states.shape[2])
            map_ = attention.new_zeros(attention.shape[1], longest, longest)
            if length <= WINDOW:
                state[:WINDOW] = states[window]
                map_[:, :WINDOW, :WINDOW] = attention[window]
                window += 1
            else:
                count = states.new_zeros(longest, 1)
                first, second = slice(0, WINDOW - end), slice(length - WINDOW + begin, length)
                for span, row, inner in (
                    (first, window, slice(0, WINDOW - end)),
                    (second, window + 1, slice(begin, WINDOW)),
                ):
                    state[span] = state[span] + states[row, inner]
                    map_[:, span, span] = map_[:, span, span] + attention[row, :, inner, inner]
                    count[span] += 1
                state = state / (count + 1e-10)
                map_ = map_ / (map_.sum(-1, keepdim=True) + 1e-10)
                window += 2
            all_states.append(state)
            all_attention.append(map_)
        return torch.stack(all_states), torch.stack(all_attention)

    def represent(
        self, states: Tensor, attention: Tensor, documents: Sequence[Features]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the heads, tails and contexts of all pairs, [P, D] each."""
        heads, tails, contexts = [], [], []
        for row, document in enumerate(documents):
            embeddings, rows = self.entities(states[row], attention[row], document)
            pairs = torch.from_numpy(document.pairs).to(states.device)
            heads.append(embeddings.index_select(0, pairs[:, 0]))
            tails.append(embeddings.index_select(0, pairs[:, 1]))
            both = (rows.index_select(0, pairs[:, 0]) * rows.index_select(0, pairs[:, 1])).mean(1)
            both = both / (both.sum(1, keepdim=True) + 1e-5)
            contexts.append(torch.einsum("ld,rl->rd", states[row], both))
        return torch.cat(heads), torch.cat(tails), torch.cat(contexts)

    def entities(self, states: Tensor, attention: Tensor, document: Features) -> tuple[Tensor, Tensor]:
        """Pool the mentions of each entity of a document."""
        embeddings, rows = [], []
        for entity in range(document.entities):
            starts = document.mention_starts[document.mention_entity == entity]
            if len(starts):
                embeddings.append(torch.logsumexp(torch.stack([states[start] for start in starts]), dim=0))
                rows.append(torch.stack([attention[:, start] for start in starts]).mean(0))
            else:
                embeddings.append(states.new_zeros(states.shape[1]))
                rows.append(attention.new_zeros(attention.shape[0], attention.shape[2]))
        return torch.stack(embeddings), torch.stack(rows)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the adaptive-thresholding loss as the published code writes it."""
        labels = labels.float().clone()
        threshold = torch.zeros_like(labels)
        threshold[:, 0] = 1.0
        labels[:, 0] = 0.0
        positive, negative = labels + threshold, 1 - labels
        first = -(torch.log_softmax(logits - (1 - positive) * 1e30, dim=-1) * labels).sum(1)
        second = -(torch.log_softmax(logits - (1 - negative) * 1e30, dim=-1) * threshold).sum(1)
        return (first + second).mean()


def batches(features: Sequence[Features], size: int) -> Iterator[Sequence[Features]]:
    """Yield batches of documents in file order."""
    for start in range(0, len(features), size):
        yield features[start : start + size]


def labels_of(documents: Sequence[Features]) -> Tensor:
    """Return the labels of a batch, [P, R]."""
    return torch.from_numpy(np.concatenate([document.labels for document in documents if document.labels is not None]))
