"""The packed encoder against the encoder that it is made from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from transformers import AutoModel, BertConfig, ElectraConfig, PreTrainedConfig, RobertaConfig, XLMRobertaConfig

from atlop.backends import packed
from atlop.backends.packed import PackedEncoder
from atlop.batches import collate
from atlop.features import Features, SpecialSubwords
from atlop.kernels.layers import KINDS, has_packable_layers
from atlop.kernels.linear import PackedLinear, QuantizedLinear, can_pack
from atlop.model.encoder import Encoded, Encoder

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(not can_pack(torch.device("cpu")), reason="this build of torch has no oneDNN"),
]

MakeFeatures = Callable[..., Features]

SIZES: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "intermediate_size": 32,
    "initializer_range": 0.4,
}
CONFIGS: dict[str, PreTrainedConfig] = {
    "bert": BertConfig(**SIZES),
    "roberta": RobertaConfig(**SIZES, max_position_embeddings=40),
    "xlm-roberta": XLMRobertaConfig(**SIZES, max_position_embeddings=40),
    "electra": ElectraConfig(**SIZES, embedding_size=24),
    "electra, narrow embeddings": ElectraConfig(**SIZES, embedding_size=10),
}


def encoder_of(config: PreTrainedConfig) -> Encoder:
    torch.manual_seed(0)
    return Encoder(AutoModel.from_config(config)).eval()


def encode(encoder: Encoder | PackedEncoder, features: list[Features], special: SpecialSubwords) -> Encoded:
    with torch.inference_mode():
        found: Encoded = encoder(collate(features, special, 1).to("cpu"))
    return found


@pytest.fixture
def features(make_features: MakeFeatures) -> list[Features]:
    """Give documents of one and of several windows, one of them without a mention."""
    return [
        make_features(40, [[1, 13], [22, 38]], seed=1),
        make_features(9, [[3], [7]], seed=2),
        make_features(16, [], seed=3),
    ]


@pytest.mark.parametrize("most", [1, 20, 2048])
@pytest.mark.parametrize("name", CONFIGS)
def test_it_gives_what_the_encoder_gives(
    name: str, most: int, features: list[Features], special: SpecialSubwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "SUBWORDS_AT_ONCE", most)
    encoder = encoder_of(CONFIGS[name])
    assert has_packable_layers(encoder.transformer)
    found = encode(PackedEncoder(encoder, PackedLinear), features, special)
    expected = encode(encoder, features, special)
    torch.testing.assert_close(found.states, expected.states, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.attention, expected.attention, atol=1e-6, rtol=1e-4)


def test_other_number_formats_are_near(features: list[Features], special: SpecialSubwords) -> None:
    encoder = encoder_of(CONFIGS["bert"])
    expected = encode(encoder, features, special).states
    eighth = encode(PackedEncoder(encoder, QuantizedLinear), features, special).states
    half = PackedEncoder(encoder, partial(PackedLinear, dtype=torch.bfloat16)).bfloat16()
    for found, bound in ((eighth, 0.1), (encode(half, features, special).states.float(), 0.2)):
        difference = (found - expected).abs()
        assert 0 < difference.mean() < bound / 4
        assert difference.max() < bound * expected.abs().max()


@pytest.mark.parametrize(
    "changed",
    [
        {"hidden_act": "relu"},
        {"position_embedding_type": "relative_key"},
        {"model_type": "deberta"},
        {"is_decoder": True},
    ],
)
def test_layers_of_another_kind_are_not_packed(changed: dict[str, Any]) -> None:
    transformer = AutoModel.from_config(BertConfig(**SIZES))
    assert has_packable_layers(transformer)
    for name, value in changed.items():
        setattr(transformer.config, name, value)
    assert not has_packable_layers(transformer)


def test_every_kind_is_tried_here_or_is_a_roberta() -> None:
    assert {config.model_type for config in CONFIGS.values()} | {"camembert"} == set(KINDS)
