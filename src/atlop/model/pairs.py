"""Mentions to entities to pairs: what the model knows of a head, a tail and the context that matters to both."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from atlop.batches import Batch
from atlop.kernels.segments import segment_logsumexp, segment_mean
from atlop.model.encoder import Encoded

CONTEXT_EPSILON = 1e-5
"""Added to the sum that normalises a pair's context weights; the published models were trained with this value, which
is not small beside the products of two attentions."""


class Entities(NamedTuple):
    """Shapes: ``embeddings`` [E, D], ``attention`` [E, H, L]; zero for an entity whose mentions were all cut off."""

    embeddings: Tensor
    attention: Tensor


Pooling = Callable[[Tensor, Tensor, int], Tensor]
"""Pools the states [M, D] of mentions that belong to entities [M], of which there are so many, to [E, D]."""

POOLINGS: dict[str, Pooling] = {"logsumexp": segment_logsumexp, "mean": segment_mean}
"""The parts that ``ModelConfig.mention_pooling`` names: paper equation 2, and its ablation."""


def pool_entities(encoded: Encoded, batch: Batch[Tensor], pooling: Pooling) -> Entities:
    """Pool the mentions of each entity: states by ``pooling``, attention by its mean (paper section 4.2)."""
    states = encoded.states.flatten(0, 1).index_select(0, batch.mention_places)
    embeddings = pooling(states.float(), batch.mention_entity, batch.entities)
    return Entities(embeddings, segment_mean(encoded.attention, batch.mention_entity, batch.entities))


def localized_context(states: Tensor, firsts: Tensor, seconds: Tensor, pairs: Tensor, first: int = 0) -> Tensor:
    """Average one document's states by the attention that both entities of a pair pay (paper equations 8 to 10).

    The context of (a, b) is that of (b, a). A pair that shares no window has the context of the places where a window
    of one overlaps a window of the other; where there are none it is zero, and the two entities alone are judged.

    Args:
        states: states of the document, [L, D].
        firsts: attention of entities that come first in a pair, [A, H, L]; memory grows with A * E * L.
        seconds: attention of all its entities, [E, H, L].
        pairs: unordered pairs, counted within the document, [U, 2].
        first: the entity whose attention is at the head of ``firsts``.

    Returns:
        Contexts [U, D].
    """
    # At every place the products of all pairs of attentions, summed over the heads of attention, in one multiplication
    # of [A, H] with [H, E]: the products of a pair [H, L] are never held.
    both = firsts.permute(2, 0, 1).contiguous() @ seconds.permute(2, 0, 1).contiguous().transpose(1, 2)
    place = (pairs[:, 0] - first) * seconds.shape[0] + pairs[:, 1]
    both = both.flatten(1).index_select(1, place) / seconds.shape[1]
    weights = both / (both.sum(0) + CONTEXT_EPSILON)
    return weights.T.to(states.dtype) @ states


class LocalizedContext(nn.Module):
    """Gives every unordered pair its localized context."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, encoded: Encoded, entities: Entities, batch: Batch[Tensor]) -> Tensor:
        """Give contexts [U, D], some first entities of one document at a time."""
        attention, contexts = entities.attention.split(batch.entity_counts), []
        for d, start, stop, first, last in batch.context_blocks:
            pairs = batch.unordered_pairs[start:stop]
            contexts.append(localized_context(encoded.states[d], attention[d][first:last], attention[d], pairs, first))
        return torch.cat(contexts) if contexts else encoded.states.new_zeros(0, self.width)


class NoContext(nn.Module):
    """Gives every pair a context of no width, the paper's ablation of :class:`LocalizedContext`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = 0

    def forward(self, encoded: Encoded, entities: Entities, batch: Batch[Tensor]) -> Tensor:
        """Give contexts [U, 0]."""
        return encoded.states.new_zeros(len(batch.unordered_pairs), 0)


CONTEXTS: dict[str, type[LocalizedContext] | type[NoContext]] = {"localized": LocalizedContext, "none": NoContext}
"""The parts that ``ModelConfig.context`` names."""


class Projection(nn.Module):
    """One side of a pair, head or tail: tanh of a linear layer over its entity and the pair's context (equation 3).

    The layer is split, so that its entity part runs once an entity and its context part once an unordered pair.

    Args:
        width: width of an entity, D.
        context_width: width of a context.
        size: width of the result, K.
    """

    def __init__(self, width: int, context_width: int, size: int) -> None:
        super().__init__()
        self.width = width
        self.linear = nn.Linear(width + context_width, size)

    def parts(self, embeddings: Tensor, contexts: Tensor) -> tuple[Tensor, Tensor]:
        """Give the entity parts [E, K] and the context parts [U, K]."""
        weight, bias = self.linear.weight, self.linear.bias
        entity = nn.functional.linear(embeddings.to(weight.dtype), weight[:, : self.width], bias)
        return entity, nn.functional.linear(contexts.to(weight.dtype), weight[:, self.width :])


def join_parts(parts: tuple[Tensor, Tensor], entity: Tensor, context: Tensor) -> Tensor:
    """Give one side of the pairs [P, K] of their entities [P] and contexts [P], as indices into ``parts``."""
    return (parts[0].index_select(0, entity) + parts[1].index_select(0, context)).tanh()
