"""Mentions to entities to pairs: what the model knows of a head, a tail and the context that matters to both."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from atlop.batches import Batch
from atlop.model.encoder import Encoded
from atlop.parts import Sizes, register

CONTEXT_EPSILON = 1e-5
"""Added to the sum that normalizes a pair's context weights. The published models were trained with this value, which
is not small beside the products of two attentions."""


class Entities(NamedTuple):
    """Shapes: ``embeddings`` [E, D], ``attention`` [E, H, L]; zero for an entity whose mentions were all cut off."""

    embeddings: Tensor
    attention: Tensor


def pool_entities(encoded: Encoded, batch: Batch[Tensor], pooling: nn.Module) -> Entities:
    """Pool the mentions of each entity: states by ``pooling``, attention by its mean (paper section 4.2)."""
    states = encoded.states.flatten(0, 1).index_select(0, batch.mention_places)
    attention = segment_mean(encoded.attention, batch.mention_entity, batch.entities)
    return Entities(pooling(states.float(), batch), attention)


@register("mention_pooling", "logsumexp")
class LogSumExpPooling(nn.Module):
    """Pools the mentions of an entity by logsumexp (paper equation 2)."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()

    def forward(self, states: Tensor, batch: Batch[Tensor]) -> Tensor:
        """Return the embeddings [E, D] of entities from the states [M, D] of their mentions."""
        return segment_logsumexp(states, batch.mention_entity, batch.entities)


def segment_logsumexp(rows: Tensor, segment: Tensor, segments: int) -> Tensor:
    """Return the logsumexp [E, D] of the rows [M, D] of each of E segments [M]; zero for one without rows."""
    index = segment[:, None].expand_as(rows)
    zero = rows.new_zeros(segments, rows.shape[1])
    peak = zero.scatter_reduce(0, index, rows.detach(), "amax", include_self=False)
    total = zero.index_add(0, segment, (rows - peak.index_select(0, segment)).exp())
    # The largest row of a segment adds exp(0), so only the sum of a segment without rows is below 1.
    return total.clamp(min=1).log() + peak


def segment_mean(rows: Tensor, segment: Tensor, segments: int) -> Tensor:
    """Return the mean [E, ...] of the rows [M, ...] of each of E segments [M]; zero for one without rows."""
    count = rows.new_zeros(segments).index_add(0, segment, torch.ones_like(segment, dtype=rows.dtype))
    total = rows.new_zeros(segments, *rows.shape[1:]).index_add(0, segment, rows)
    return total / count.clamp(min=1).view(-1, *[1] * (rows.dim() - 1))


class Contexts(NamedTuple):
    """Shapes: ``pooled`` [U, C], ``by_sentence`` [U, T], the context weights summed, where a head needs them."""

    pooled: Tensor
    by_sentence: Tensor | None = None


@register("context", "localized")
class LocalizedContext(nn.Module):
    """Localized context pooling: gives every unordered pair its context, [U, C]."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.width, self.keeps_sentences = sizes.width, False

    def forward(self, encoded: Encoded, entities: Entities, batch: Batch[Tensor]) -> Contexts:
        """Pool the contexts of the unordered pairs, in blocks of first entities of one document."""
        attention, sentences = entities.attention.split(batch.entity_counts), []
        pooled = [encoded.states.new_zeros(0, self.width)]
        for d, start, stop, first, last in batch.context_blocks:
            pairs = batch.unordered_pairs[start:stop]
            weights = context_weights(attention[d][first:last], attention[d], pairs[:, 0] - first, pairs[:, 1])
            pooled.append(pool_context(encoded.states[d], weights))
            sentences += [sum_by_sentence(weights, batch.sentences[d], batch.most_sentences)] * self.keeps_sentences
        return Contexts(torch.cat(pooled), torch.cat(sentences) if sentences else None)


def context_weights(firsts: Tensor, seconds: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return the context weights [L, U] of unordered pairs of one document (paper equations 8 and 9).

    The weights of (a, b) are those of (b, a). A pair that shares no window has weight only where windows of the two
    overlap. ``firsts`` is the attention [A, H, L] of entities that come first in a pair, ``seconds`` that of all
    entities [E, H, L]; ``first`` and ``second`` index into them, [U]. Memory grows with A * E * L.
    """
    # At each place the products of all pairs of attentions, summed over the attention heads, are one multiplication of
    # [A, H] with [H, E]: the products [H, L] of a pair are never held.
    both = firsts.permute(2, 0, 1).contiguous() @ seconds.permute(2, 0, 1).contiguous().transpose(1, 2)
    both = both.flatten(1).index_select(1, first * seconds.shape[0] + second) / seconds.shape[1]
    return both / (both.sum(0) + CONTEXT_EPSILON)


def pool_context(states: Tensor, weights: Tensor) -> Tensor:
    """Return the contexts [U, D] from states [L, D] and context weights [L, U] (paper equation 10)."""
    return weights.T.to(states.dtype) @ states


def sum_by_sentence(weights: Tensor, sentences: Tensor, count: int) -> Tensor:
    """Sum context weights [L, U] by the sentence of each subword [L], -1 for none, to [U, T]."""
    return pool_context((sentences[:, None] == torch.arange(count, device=sentences.device)).to(weights.dtype), weights)


class Projection(nn.Module):
    """One side of a pair, head or tail: tanh of a linear layer over its entity and the pair's context (equation 3).

    The layer, [K, D + C], is applied in two parts: the entity's once for each entity, the context's once for each
    unordered pair.
    """

    def __init__(self, width: int, context_width: int, size: int) -> None:
        super().__init__()
        self.width = width
        self.linear = nn.Linear(width + context_width, size)

    def parts(self, embeddings: Tensor, contexts: Tensor) -> tuple[Tensor, Tensor]:
        """Return the entity parts [E, K] and the context parts [U, K]."""
        weight, bias = self.linear.weight, self.linear.bias
        entity = nn.functional.linear(embeddings.to(weight.dtype), weight[:, : self.width], bias)
        return entity, nn.functional.linear(contexts.to(weight.dtype), weight[:, self.width :])

    def forward(self, parts: tuple[Tensor, Tensor], entity: Tensor, context: Tensor) -> Tensor:
        """Return one side of pairs [P, K] from their entities [P] and contexts [P], which index into ``parts``."""
        return (parts[0].index_select(0, entity) + parts[1].index_select(0, context)).tanh()
