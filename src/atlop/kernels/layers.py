"""Layers of BERT and its kin for prediction on a CPU: fewer and larger steps than a layer of transformers takes.

Subwords of several windows lie one below another, so that there is no padding to compute; query, key and value come
from one product; the activation and the sum with what went around a product are part of that product.

The letters of shapes are those of :mod:`atlop.model`; T counts the subwords of several windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import PreTrainedModel

from atlop.kernels.attention import attend_in_blocks, attention_rows
from atlop.kernels.linear import PackedLinear, QuantizedLinear

KINDS = ("bert", "camembert", "electra", "roberta", "xlm-roberta")
"""The ``model_type`` of encoders whose layers all are alike."""

Linear = Callable[[nn.Linear], PackedLinear | QuantizedLinear]
"""Makes a linear layer that only predicts."""


def has_packable_layers(transformer: PreTrainedModel) -> bool:
    """Tell whether :class:`PackedLayer` can take the place of the layers of an encoder."""
    config = transformer.config
    absolute = getattr(config, "position_embedding_type", None) in (None, "absolute")
    # A decoder's layers do not see what comes after a subword.
    encodes = not getattr(config, "is_decoder", False)
    return config.model_type in KINDS and config.hidden_act == "gelu" and absolute and encodes


class PackedLayer(nn.Module):
    """One layer of an encoder of :data:`KINDS` that can only predict.

    Args:
        layer: the layer.
        linear: makes its linear layers.
    """

    def __init__(self, layer: nn.Module, linear: Linear) -> None:
        super().__init__()
        attention = layer.get_submodule("attention.self")
        self.heads = int(attention.num_attention_heads)  # type: ignore[arg-type]
        self.query_key_value = linear(_joined([_linear(attention, name) for name in ("query", "key", "value")]))
        self.after_attention = linear(_linear(layer, "attention.output.dense"))
        self.first_norm = layer.get_submodule("attention.output.LayerNorm")
        self.inner = linear(_linear(layer, "intermediate.dense"))
        self.outer = linear(_linear(layer, "output.dense"))
        self.second_norm = layer.get_submodule("output.LayerNorm")

    def forward(self, states: Tensor, lengths: Sequence[int], positions: Tensor | None) -> tuple[Tensor, list[Tensor]]:
        """Give the states after the layer.

        Args:
            states: those before it, [T, D].
            lengths: subwords of each window; their sum is T.
            positions: places in each window whose attention is wanted, [W, Q].

        Returns:
            States [T, D], and for each window the wanted rows of attention [H, Q, S], or none if none is wanted.
        """
        seen, rows = torch.empty_like(states), []
        parts = self.query_key_value(states).split(list(lengths))
        for window, (part, target) in enumerate(zip(parts, seen.split(list(lengths)), strict=True)):
            query, key, value = self._heads(part)
            _attend(query, key, value, target.view(len(target), self.heads, -1))
            if positions is not None:
                places = positions[window : window + 1]
                rows.append(attention_rows(query, key, None, query.shape[-1] ** -0.5, places)[0])
        states = self.first_norm(self.after_attention(seen, plus=states))
        return self.second_norm(self.outer(self.inner(states, gelu=True), plus=states)), rows

    def _heads(self, part: Tensor) -> tuple[Tensor, ...]:
        """Give query, key and value, [1, H, S, D/H] each, of those of one window, [S, 3 D]."""
        return part.view(1, len(part), 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind()


def _attend(query: Tensor, key: Tensor, value: Tensor, output: Tensor) -> None:
    """Attend within one window, [1, H, S, D/H], into ``output`` [S, H, D/H]."""
    if query.dtype == torch.bfloat16:
        found = attend_in_blocks(query, key, value, None, query.shape[-1] ** -0.5)
    else:
        found = scaled_dot_product_attention(query, key, value)
    output.copy_(found[0].transpose(0, 1))


def _linear(module: nn.Module, name: str) -> nn.Linear:
    found = module.get_submodule(name)
    if not isinstance(found, nn.Linear):
        raise TypeError(f"{name}: got {type(found).__name__}, expected a linear layer")
    return found


def _joined(layers: Sequence[nn.Linear]) -> nn.Linear:
    """Give one layer whose output is that of several one beside another."""
    joined = nn.Linear(layers[0].in_features, sum(layer.out_features for layer in layers), device="meta")
    joined.weight = nn.Parameter(torch.cat([layer.weight for layer in layers]), requires_grad=False)
    joined.bias = nn.Parameter(torch.cat([layer.bias for layer in layers]), requires_grad=False)
    return joined
