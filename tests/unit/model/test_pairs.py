"""Mentions to entities to pairs, against the formulas of the paper written as loops."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from atlop.batches import Batch, collate
from atlop.features import Features
from atlop.model.encoder import Encoded, Encoder
from atlop.model.pairs import (
    Entities,
    LocalizedContext,
    LogSumExpPooling,
    Projection,
    context_weights,
    pool_context,
    pool_entities,
    sum_by_sentence,
)
from atlop.parts import Sizes, build
from atlop.windows import SpecialSubwords

pytestmark = pytest.mark.usefixtures("one_thread")

MakeFeatures = Callable[..., Features]
HEADS, WIDTH = 2, 6
SIZES = Sizes(WIDTH, 3, 0)
POOLING, CONTEXT = LogSumExpPooling(SIZES), LocalizedContext(SIZES)


def localized_context(states: Tensor, firsts: Tensor, seconds: Tensor, pairs: Tensor, first: int = 0) -> Tensor:
    """Contexts of pairs that count entities from ``first`` in ``firsts``."""
    return pool_context(states, context_weights(firsts, seconds, pairs[:, 0] - first, pairs[:, 1]))


@pytest.fixture
def features(make_features: MakeFeatures) -> list[Features]:
    """Documents of several mentions an entity, of a cut-off entity, of none, and of listed self-pairs."""
    return [
        make_features(9, [[1, 4, 7], [2], []], seed=1),
        make_features(5, seed=2),
        make_features(14, [[3, 3], [12]], pairs=[(1, 0), (1, 1), (0, 1)], seed=3),
    ]


@pytest.fixture
def batch(features: list[Features], special: SpecialSubwords) -> Batch[Tensor]:
    return collate(features, special, 0).to("cpu")


@pytest.fixture
def encoded(batch: Batch[Tensor]) -> Encoded:
    """Random states and attention in the shape that the batch asks for, zero outside each document."""
    generator = torch.Generator().manual_seed(0)
    documents, length = batch.coverage.shape
    states = torch.randn(documents, length, WIDTH, generator=generator) * batch.coverage[..., None]
    mentions = len(batch.mention_places)
    attention = torch.rand(mentions, HEADS, length, generator=generator)
    inside = batch.coverage[batch.mention_places // length][:, None, :]
    return Encoded(states, attention * inside)


def slow_entities(encoded: Encoded, features: list[Features], pool: Callable[[Tensor], Tensor]) -> Entities:
    embeddings, attentions, mention = [], [], 0
    for d, document in enumerate(features):
        for entity in range(document.entities):
            own = [m for m, owner in enumerate(document.mention_entity) if owner == entity]
            states = [encoded.states[d, document.mention_starts[m]] for m in own]
            rows = [encoded.attention[mention + m] for m in own]
            embeddings.append(pool(torch.stack(states)) if own else torch.zeros(WIDTH))
            attentions.append(sum(rows) / len(own) if own else torch.zeros_like(encoded.attention[0]))
        mention += len(document.mention_starts)
    return Entities(torch.stack(embeddings), torch.stack(attentions))


def slow_context(states: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Equations 8 to 10 for one pair: states [L, D], attention of the two entities [H, L]."""
    places = range(len(states))
    weights = [sum(first[head, place] * second[head, place] for head in range(HEADS)) / HEADS for place in places]
    total = sum(weights) + 1e-5
    return sum(weights[place] / total * states[place] for place in places)


@pytest.mark.parametrize(
    ("name", "pool"), [("logsumexp", lambda rows: rows.exp().sum(0).log()), ("mean", lambda rows: rows.mean(0))]
)
def test_entities_are_pooled_as_a_loop_over_their_mentions_pools_them(
    name: str, pool: Callable[[Tensor], Tensor], encoded: Encoded, batch: Batch[Tensor], features: list[Features]
) -> None:
    found, expected = (
        pool_entities(encoded, batch, build("mention_pooling", name, SIZES)),
        slow_entities(encoded, features, pool),
    )
    torch.testing.assert_close(found.embeddings, expected.embeddings)
    torch.testing.assert_close(found.attention, expected.attention)


def test_an_entity_whose_mentions_were_cut_off_is_zero_and_so_are_its_contexts(
    encoded: Encoded, batch: Batch[Tensor]
) -> None:
    entities = pool_entities(encoded, batch, POOLING)
    assert entities.embeddings[2].eq(0).all()
    assert entities.attention[2].eq(0).all()
    # The unordered pairs of the first document are (0, 1), (0, 2) and (1, 2).
    contexts = CONTEXT(encoded, entities, batch).pooled
    assert contexts[1:3].eq(0).all()
    assert contexts[0].ne(0).all()


def test_contexts_are_those_of_the_textbook(encoded: Encoded, batch: Batch[Tensor], features: list[Features]) -> None:
    entities = pool_entities(encoded, batch, POOLING)
    contexts = CONTEXT(encoded, entities, batch).pooled
    assert contexts.shape == (3 + 0 + 2, WIDTH)
    ordered = iter(zip(batch.pairs.tolist(), batch.pair_contexts.tolist(), strict=True))
    for d, document in enumerate(features):
        for _ in document.pairs:
            (head, tail), context = next(ordered)
            expected = slow_context(encoded.states[d], entities.attention[head], entities.attention[tail])
            torch.testing.assert_close(contexts[context], expected)


def test_the_context_of_a_pair_is_that_of_the_pair_turned_round() -> None:
    generator = torch.Generator().manual_seed(0)
    states, attention = torch.randn(7, WIDTH, generator=generator), torch.rand(3, HEADS, 7, generator=generator)
    there = localized_context(states, attention, attention, torch.tensor([[0, 1], [1, 2], [0, 2]]))
    back = localized_context(states, attention, attention, torch.tensor([[1, 0], [2, 1], [2, 0]]))
    assert there.equal(back)
    assert not there[0].equal(there[1])


def test_contexts_of_some_first_entities_are_those_of_all() -> None:
    generator = torch.Generator().manual_seed(0)
    states, attention = torch.randn(7, WIDTH, generator=generator), torch.rand(4, HEADS, 7, generator=generator)
    pairs = torch.tensor([[1, 2], [1, 3], [2, 3]])
    whole = localized_context(states, attention, attention, pairs)
    torch.testing.assert_close(localized_context(states, attention[1:2], attention, pairs[:2], 1), whole[:2])
    torch.testing.assert_close(localized_context(states, attention[2:], attention, pairs[2:], 2), whole[2:])


def test_both_orders_of_a_pair_share_one_context(batch: Batch[Tensor]) -> None:
    owners: dict[int, set[tuple[int, ...]]] = {}
    for pair, context in zip(batch.pairs.tolist(), batch.pair_contexts.tolist(), strict=True):
        owners.setdefault(context, set()).add(tuple(sorted(pair)))
    assert [owners[context] for context in range(5)] == [{(0, 1)}, {(0, 2)}, {(1, 2)}, {(3, 4)}, {(4, 4)}]


def test_the_context_of_a_self_pair_weighs_by_the_square_of_its_attention() -> None:
    states = torch.tensor([[1.0], [10.0]])
    attention = torch.tensor([[[0.6, 0.2], [0.0, 0.4]]])
    # Squares, averaged over heads: (0.36 + 0) / 2 and (0.04 + 0.16) / 2.
    expected = (0.18 * 1 + 0.10 * 10) / (0.28 + 1e-5)
    found = localized_context(states, attention, attention, torch.tensor([[0, 0]]))
    torch.testing.assert_close(found, torch.tensor([[expected]]))


def test_heads_are_multiplied_before_they_are_averaged() -> None:
    states = torch.eye(2)
    attention = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]])
    # Only the first head of both entities looks at one place; the average of heads would meet at both.
    found = localized_context(states, attention, attention, torch.tensor([[0, 1]]))
    torch.testing.assert_close(found, torch.tensor([[0.5 / (0.5 + 1e-5), 0.0]]))


def test_small_products_are_held_down_by_the_published_epsilon() -> None:
    attention = torch.full((2, 1, 1), 1e-3)
    found = localized_context(torch.ones(1, 1), attention, attention, torch.tensor([[0, 1]]))
    torch.testing.assert_close(found, torch.tensor([[1e-6 / (1e-6 + 1e-5)]]))


@pytest.fixture
def encoder() -> Encoder:
    sizes = {"vocab_size": 50, "hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": HEADS}
    torch.manual_seed(0)
    return Encoder(BertModel(BertConfig(**sizes, intermediate_size=8)).eval())


def test_a_pair_whose_windows_do_not_meet_has_a_zero_context_and_loses_no_gradient(
    encoder: Encoder, make_features: MakeFeatures, special: SpecialSubwords
) -> None:
    document = make_features(45, [[2], [6], [43]])
    assert document.windows == ((0, 14), (7, 20), (15, 28), (22, 35), (30, 45))
    batch = collate([document], special, 0).to("cpu")
    encoded = encoder(batch)
    contexts = CONTEXT(encoded, pool_entities(encoded, batch, POOLING), batch).pooled
    assert batch.unordered_pairs.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert contexts[0].ne(0).all()
    assert contexts[1:].eq(0).all()
    contexts.sum().backward()
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters() if weight.grad is not None)


@torch.no_grad()
def test_a_pair_in_two_windows_has_the_context_of_the_places_that_they_share(
    encoder: Encoder, make_features: MakeFeatures, special: SpecialSubwords
) -> None:
    document = make_features(24, [[2], [22]])
    assert document.windows == ((0, 14), (9, 24))
    batch = collate([document], special, 0).to("cpu")
    encoded = encoder(batch)
    entities = pool_entities(encoded, batch, POOLING)
    contexts = CONTEXT(encoded, entities, batch).pooled
    first, second = entities.attention[:, :, 9:14]
    assert contexts.ne(0).all()
    torch.testing.assert_close(contexts[0], slow_context(encoded.states[0, 9:14], first, second))


def test_context_weights_are_summed_by_sentence(
    encoded: Encoded, batch: Batch[Tensor], make_features: MakeFeatures, special: SpecialSubwords
) -> None:
    weights = torch.tensor([[0.1, 0.2], [0.3, 0.0], [0.2, 0.8], [0.4, 0.0]])
    found = sum_by_sentence(weights, torch.tensor([-1, 1, 0, 1]), 3)
    torch.testing.assert_close(found, torch.tensor([[0.2, 0.7, 0.0], [0.8, 0.0, 0.0]]))
    context = LocalizedContext(SIZES)
    context.keeps_sentences = True
    by_sentence = context(encoded, pool_entities(encoded, batch, POOLING), batch).by_sentence
    assert by_sentence is not None
    assert by_sentence.shape == (5, 3)
    pooled = context(encoded, pool_entities(encoded, batch, POOLING), batch)
    torch.testing.assert_close(pooled.by_sentence, by_sentence)
    assert CONTEXT(encoded, pool_entities(encoded, batch, POOLING), batch).by_sentence is None


@pytest.mark.parametrize("context_width", [0, 4])
def test_a_split_projection_is_the_whole_layer(context_width: int) -> None:
    torch.manual_seed(0)
    projection = Projection(WIDTH, context_width, size=5)
    embeddings, contexts = torch.randn(3, WIDTH), torch.randn(2, context_width)
    entity, context = torch.tensor([0, 2, 2, 1]), torch.tensor([1, 1, 0, 0])
    found = projection(projection.parts(embeddings, contexts), entity, context)
    whole = nn.functional.linear(
        torch.cat([embeddings[entity], contexts[context]], 1), projection.linear.weight, projection.linear.bias
    )
    torch.testing.assert_close(found, whole.tanh())
