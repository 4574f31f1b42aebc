"""Single optimisations in both forms, without and with, on tensors of the sizes that MiniLM has on Re-DocRED."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad, scaled_dot_product_attention
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertLayer

from atlop.kernels import attention as attention_kernels
from atlop.kernels.attention import attend_in_blocks, attend_with_dropout
from atlop.kernels.bilinear import PackedBilinear, grouped_bilinear
from atlop.kernels.dropout import keep_mask
from atlop.kernels.layers import PackedLayer
from atlop.kernels.linear import FastLinear, PackedLinear, QuantizedLinear
from atlop.model.pairs import localized_context

LENGTH, WIDTH, INNER, HEADS = 300, 384, 1536, 12
"""Subwords of a document, width of the encoder and of its feed-forward layer, heads of attention."""

ENTITIES, SIZE, BLOCK, COLUMNS = 20, 768, 64, 97
"""Entities of a document, width of head and tail, features of a group, relations with the threshold."""

DOCUMENTS = 4
"""Documents at once."""

DROPOUT = 0.1


@dataclass(frozen=True)
class Trial:
    """Something that was tried."""

    name: str
    """What it is."""
    predicted: str
    """What was expected of it, and why."""
    without: Callable[[], object]
    """The work in its plain form."""
    with_it: Callable[[], object]
    """The same work with the optimisation."""
    kept: str
    """Whether the product has it, and if not, why."""


def linears() -> list[Trial]:
    """Give the trials of linear layers."""
    rows, layer = torch.randn(DOCUMENTS * LENGTH, WIDTH), nn.Linear(WIDTH, INNER)
    half, half_layer = rows.bfloat16(), nn.Linear(WIDTH, INNER).bfloat16()
    packed = PackedLinear(half_layer)
    why = "1.1: a weight is no longer laid out anew in each call"
    learning, fast = rows.clone().requires_grad_(), FastLinear(layer)
    config = BertConfig(hidden_size=WIDTH, num_attention_heads=HEADS, intermediate_size=INNER)
    config._attn_implementation = "sdpa"
    bert = BertLayer(config).bfloat16().eval()
    own = PackedLayer(bert, PackedLinear)
    return [
        Trial(
            "linear layer by oneDNN's products, fp32, forward and backward",
            "1.2: its rate over that of MKL",
            partial(backward, layer, [learning]),
            partial(backward, fast, [learning]),
            "yes",
        ),
        Trial(
            "layer of BERT packed, bf16: one product for query, key and value, activation and sums within products",
            "1.3: fewer passes over the states",
            partial(bert, half.view(DOCUMENTS, LENGTH, WIDTH)),
            partial(own, half, [LENGTH] * DOCUMENTS, None),
            "yes",
        ),
        Trial(
            "linear layer packed for the processor, fp32",
            why,
            partial(layer, rows),
            partial(PackedLinear(layer), rows),
            "yes",
        ),
        Trial(
            "linear layer packed for the processor, bf16", why, partial(half_layer, half), partial(packed, half), "yes"
        ),
        Trial(
            "packed linear layer in bf16 in place of fp32",
            "2.3: the ratio of the rates",
            partial(PackedLinear(layer), rows),
            partial(packed, half),
            "`auto`",
        ),
        Trial(
            "linear layer in int8 in place of packed bf16",
            "2: the ratio of the rates",
            partial(packed, half),
            partial(QuantizedLinear(half_layer), half),
            "as `int8`; finding the scales takes back what the rate gives",
        ),
    ]


def bilinears() -> list[Trial]:
    """Give the trials of the bilinear layer."""
    pairs = DOCUMENTS * ENTITIES * (ENTITIES - 1)
    head, tail = torch.randn(2, pairs, SIZE).tanh()
    weight, bias = torch.randn(COLUMNS, SIZE * BLOCK) / 100, torch.zeros(COLUMNS)
    shape = (pairs, SIZE // BLOCK, BLOCK)

    def whole(head: Tensor, tail: Tensor, weight: Tensor) -> Tensor:
        products = head.view(shape).unsqueeze(3) * tail.view(shape).unsqueeze(2)
        return linear(products.flatten(1), weight)

    def by_group(head: Tensor, tail: Tensor, weight: Tensor) -> Tensor:
        return grouped_bilinear(head, tail, weight, BLOCK)

    given = (head, tail, weight)
    learning = tuple(tensor.clone().requires_grad_() for tensor in given)
    packed = PackedBilinear(weight, bias, BLOCK)
    full = PackedBilinear(pad(weight, (0, 0, 0, 15)), torch.zeros(COLUMNS + 15), BLOCK)
    two_of_16 = PackedBilinear(pad(weight[:2], (0, 0, 0, 14)), torch.zeros(16), BLOCK)
    two = PackedBilinear(weight[:2], bias[:2], BLOCK)
    return [
        Trial(
            "outer product of one group at a time",
            "2: it is neither written to memory nor read from it",
            partial(whole, *given),
            partial(by_group, *given),
            "yes",
        ),
        Trial(
            "bilinear layer packed for the processor",
            "1.1, as for linear layers",
            partial(by_group, *given),
            partial(packed, head, tail),
            "yes",
        ),
        Trial(
            "the 97th column by itself, in place of 15 more columns of zeros",
            "1.1: 96 columns in place of 112, and a small product",
            partial(full, head, tail),
            partial(packed, head, tail),
            "yes",
        ),
        Trial(
            "2 columns without an outer product",
            "4: 16 columns of a product, 14 of them zeros, and the outer product",
            partial(two_of_16, head, tail),
            partial(two, head, tail),
            "yes",
        ),
        Trial(
            "own gradient of the bilinear layer, forward and backward",
            "2: the outer product is not kept",
            partial(backward, whole, learning),
            partial(backward, by_group, learning),
            "yes",
        ),
    ]


def contexts() -> list[Trial]:
    """Give the trials of contexts and projections."""
    states, attention = torch.randn(LENGTH, WIDTH), torch.rand(ENTITIES, HEADS, LENGTH)
    ordered = torch.tensor([(a, b) for a in range(ENTITIES) for b in range(ENTITIES) if a != b])
    unordered = ordered[ordered[:, 0] < ordered[:, 1]]

    def gathered(pairs: Tensor) -> Tensor:
        both = (attention[pairs[:, 0]] * attention[pairs[:, 1]]).mean(1)
        return both / (both.sum(1, keepdim=True) + 1e-5) @ states

    layer = nn.Linear(2 * WIDTH, SIZE)
    embeddings, found = torch.randn(ENTITIES, WIDTH), gathered(unordered)
    place = torch.arange(len(ordered)) % len(unordered)

    def joined() -> Tensor:
        rows = torch.cat([embeddings[ordered[:, 0]], found[place]], 1)
        return linear(rows, layer.weight, layer.bias)

    def split() -> Tensor:
        entity = linear(embeddings, layer.weight[:, :WIDTH], layer.bias)
        return entity[ordered[:, 0]] + linear(found, layer.weight[:, WIDTH:])[place]

    product = partial(localized_context, states, attention, attention, unordered)
    return [
        Trial(
            "context once for both orders of a pair",
            "2: half of the work",
            partial(gathered, ordered),
            partial(gathered, unordered),
            "yes",
        ),
        Trial(
            "context by a product over heads", "3: [U, H, L] is not made", partial(gathered, unordered), product, "yes"
        ),
        Trial(
            "projections split into entity and context",
            "3: 20 + 190 rows of half the width in place of 380",
            joined,
            split,
            "yes",
        ),
    ]


def attentions() -> list[Trial]:
    """Give the trials of attention."""
    inputs = [torch.randn(DOCUMENTS, LENGTH, HEADS, WIDTH // HEADS).transpose(1, 2) for _ in range(3)]
    half, learning = [tensor.bfloat16() for tensor in inputs], [tensor.clone().requires_grad_() for tensor in inputs]
    scale = (WIDTH // HEADS) ** -0.5

    def plain(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        output: Tensor = scaled_dot_product_attention(query, key, value)
        return output

    def blocks(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return attend_in_blocks(query, key, value, None, scale)

    flat = [tensor.flatten() for tensor in half]

    def uneven(step: int) -> None:
        with patch.object(attention_kernels, "LENGTH_STEP", step):
            for length in range(LENGTH // 2, 2 * LENGTH, 7):
                blocks(*(numbers[: length * WIDTH].view(1, HEADS, length, -1) for numbers in flat))

    def fused(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        output: Tensor = scaled_dot_product_attention(query, key, value, dropout_p=DROPOUT)
        return output

    def own(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return attend_with_dropout(query, key, value, None, scale, DROPOUT)[0]

    shape, scores = torch.Size([DOCUMENTS, HEADS, LENGTH, LENGTH]), torch.rand(DOCUMENTS, HEADS, LENGTH, LENGTH)
    bytes_, cpu = keep_mask(shape, DROPOUT, torch.device("cpu")), torch.device("cpu")
    return [
        Trial(
            "attention by blocks, bf16, prediction",
            "1.5: torch's kernel is slow there",
            partial(plain, *half),
            partial(blocks, *half),
            "yes",
        ),
        Trial(
            "windows filled up to a multiple of 32 in attention by blocks, bf16",
            "1.2: code is made for 16 sizes in place of hundreds",
            partial(uneven, 1),
            partial(uneven, attention_kernels.LENGTH_STEP),
            "yes",
        ),
        Trial(
            "attention by blocks, fp32, prediction",
            "1",
            partial(plain, *inputs),
            partial(blocks, *inputs),
            "no: no gain",
        ),
        Trial(
            "own attention with dropout, forward and backward",
            "3: torch leaves its fast kernel",
            partial(backward, fused, learning),
            partial(backward, own, learning),
            "yes",
        ),
        Trial(
            "dropout masks from a faster generator",
            "5",
            partial(torch.empty(shape).bernoulli_, 1 - DROPOUT),
            partial(keep_mask, shape, DROPOUT, cpu),
            "yes",
        ),
        Trial(
            "masks of bytes in place of booleans",
            "2",
            partial(torch.mul, scores, bytes_.bool()),
            partial(torch.mul, scores, bytes_),
            "yes",
        ),
    ]


def backward(work: Callable[..., Tensor], inputs: list[Tensor] | tuple[Tensor, ...]) -> None:
    """Run some work forward and backward."""
    with torch.enable_grad():
        work(*inputs).sum().backward()
