"""Every encoder that the project names, tiny and random, against the same transformer run plainly."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import (
    AlbertConfig,
    AutoModel,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    EuroBertConfig,
    FNetConfig,
    LongformerConfig,
    ModernBertConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen2Config,
    RobertaConfig,
    XLMRobertaConfig,
    XLNetConfig,
)

from atlop.batches import Batch, collate
from atlop.checkpoint import Checkpoint, load, save
from atlop.config import ModelConfig
from atlop.documents import Document
from atlop.errors import CheckpointError
from atlop.features import Features, Featurizer
from atlop.labels import LabelMap
from atlop.model import encoder as encoder_module
from atlop.model.encoder import Encoder
from atlop.model.pairs import LogSumExpPooling, pool_entities
from atlop.model.relation_model import RelationModel
from atlop.parts import Sizes
from atlop.windows import SpecialSubwords

pytestmark = pytest.mark.usefixtures("one_thread")

MakeFeatures = Callable[..., Features]

SIZES: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "intermediate_size": 32,
    "initializer_range": 0.4,  # so much that attention is far from even
}
MODERN = {**SIZES, "local_attention": 6, "pad_token_id": 0, "bos_token_id": 3, "cls_token_id": 3, "eos_token_id": 2}
V3 = {"relative_attention": True, "position_buckets": 8, "norm_rel_ebd": "layer_norm", "share_att_key": True}
CONFIGS: dict[str, Callable[..., PreTrainedConfig]] = {
    "bert": lambda **k: BertConfig(**SIZES, **k),
    "roberta": lambda **k: RobertaConfig(**SIZES, **{"max_position_embeddings": 514, **k}),
    "xlm-roberta": lambda **k: XLMRobertaConfig(**SIZES, **{"max_position_embeddings": 514, **k}),
    "electra": lambda **k: ElectraConfig(**SIZES, embedding_size=24, **k),
    "electra, narrow embeddings": lambda **k: ElectraConfig(**SIZES, embedding_size=10, **k),
    "albert": lambda **k: AlbertConfig(**SIZES, embedding_size=10, num_hidden_groups=1, **k),
    "albert, two layers a group": lambda **k: AlbertConfig(**SIZES, embedding_size=10, inner_group_num=2, **k),
    "distilbert": lambda **k: DistilBertConfig(
        vocab_size=300, dim=24, n_layers=3, n_heads=3, hidden_dim=32, initializer_range=0.4, **k
    ),
    "modernbert, last layer global": lambda **k: ModernBertConfig(
        **MODERN, layer_types=["full_attention", "sliding_attention", "full_attention"], **k
    ),
    "modernbert, last layer local": lambda **k: ModernBertConfig(
        **MODERN, layer_types=["full_attention", "full_attention", "sliding_attention"], **k
    ),
    "eurobert, grouped queries": lambda **k: EuroBertConfig(
        **{**SIZES, "num_attention_heads": 6}, num_key_value_heads=2, pad_token_id=0, **k
    ),
    "qwen2, causal": lambda **k: Qwen2Config(**SIZES, num_key_value_heads=3, pad_token_id=0, **k),
    "deberta-v2": lambda **k: DebertaV2Config(**SIZES, conv_kernel_size=3, **k),
    "deberta-v3": lambda **k: DebertaV2Config(
        **SIZES, **V3, pos_att_type=["p2c", "c2p"], position_biased_input=False, **k
    ),
}
NAMED = pytest.mark.parametrize("name", CONFIGS)


def build(name: str, **settings: Any) -> PreTrainedModel:
    torch.manual_seed(0)
    transformer: PreTrainedModel = AutoModel.from_config(CONFIGS[name](**settings)).eval()
    return transformer


def plain_copy(transformer: PreTrainedModel) -> PreTrainedModel:
    plain = copy.deepcopy(transformer)
    plain.set_attn_implementation("eager")
    return plain


def padding_of(transformer: PreTrainedModel) -> int:
    padding: int = transformer.config.pad_token_id
    return padding


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)


def by_hand(plain: PreTrainedModel, document: Features, special: SpecialSubwords, width: int) -> tuple[Tensor, Tensor]:
    """States [width, D] and mention attention [M, H, width] of one document, each window run alone and unpadded."""
    ids, starts = document.input_ids.tolist(), document.mention_starts.tolist()
    heads = plain.config.num_attention_heads
    states, times = torch.zeros(width, plain.config.hidden_size), torch.zeros(width, 1)
    rows = torch.zeros(len(starts), heads, width)
    for start, stop in document.windows:
        prefix = list(special.prefix) if start else []
        suffix = list(special.break_suffix) if stop < len(ids) else []
        window = torch.tensor([prefix + ids[start:stop] + suffix])
        output = plain(input_ids=window, output_attentions=True)
        inside = slice(len(prefix), len(prefix) + stop - start)
        states[start:stop] += output.last_hidden_state[0, inside]
        times[start:stop] += 1
        for m, place in enumerate(starts):
            if start <= place < stop:
                rows[m, :, start:stop] += output.attentions[-1][0, :, place - start + len(prefix), inside]
    if len(document.windows) > 1:
        rows = rows / (rows.sum(-1, keepdim=True) + 1e-10)
    return states / times.clamp(min=1), rows


@torch.no_grad()
def compare(transformer: PreTrainedModel, features: Sequence[Features], special: SpecialSubwords) -> Batch[Tensor]:
    """Hold an encoder against the plain transformer, and give the batch that was encoded."""
    plain = plain_copy(transformer)
    batch = collate(features, special, padding_of(transformer)).to("cpu")
    encoded = Encoder(transformer)(batch)
    length = max(len(document.input_ids) for document in features)
    expected = [by_hand(plain, document, special, length) for document in features]
    close(encoded.states, torch.stack([states for states, _ in expected]))
    close(encoded.attention, torch.cat([rows for _, rows in expected]))
    return batch


@NAMED
@torch.no_grad()
def test_a_padded_batch_is_encoded_as_the_plain_transformer_encodes_it(
    name: str, make_features: MakeFeatures, special: SpecialSubwords
) -> None:
    features = [
        make_features(16, [[1, 14], [7]], seed=1),
        make_features(9, [[3]], seed=2),
        make_features(12, [[2], [2], [5, 10]], seed=3),
    ]
    transformer = build(name)
    plain = plain_copy(transformer)
    batch = collate(features, special, padding_of(transformer)).to("cpu")
    encoded = Encoder(transformer)(batch)
    whole = plain(input_ids=batch.input_ids, attention_mask=batch.attention_mask, output_attentions=True)
    used = batch.attention_mask[..., None]
    close(encoded.states, whole.last_hidden_state.masked_fill(used == 0, 0))
    places = [(d, place) for d, document in enumerate(features) for place in document.mention_starts.tolist()]
    close(encoded.attention, torch.stack([whole.attentions[-1][d, :, place] for d, place in places]))
    close(encoded.attention.sum(-1), torch.ones(8, transformer.config.num_attention_heads))


@NAMED
@torch.no_grad()
def test_a_loaded_encoder_is_the_one_that_was_saved(
    name: str,
    make_features: MakeFeatures,
    special: SpecialSubwords,
    tiny_tokenizer: PreTrainedTokenizerBase,
    tmp_path: Path,
) -> None:
    """It is built without weights, so what no file holds, such as the frequencies of positions, must be made anew."""
    config, labels = ModelConfig(embedding_size=8, block_size=4), LabelMap(("P1",))
    saved = RelationModel(build(name), config, len(labels))
    save(Checkpoint(saved, config, labels, tiny_tokenizer), tmp_path)
    loaded = load(tmp_path).model
    tensors = [dict([*model.named_parameters(), *model.named_buffers()]) for model in (saved, loaded)]
    assert tensors[1].keys() == tensors[0].keys()
    assert all(torch.equal(tensors[1][tensor], value) for tensor, value in tensors[0].items())
    padding = padding_of(saved.encoder.transformer)
    batch = collate([make_features(16, [[1, 14], [7]]), make_features(9, [[3]])], special, padding).to("cpu")
    found, expected = (model.eval().encoder(batch) for model in (loaded, saved))
    assert torch.equal(found.states, expected.states)
    assert torch.equal(found.attention, expected.attention)


@NAMED
def test_a_padded_document_is_encoded_as_if_alone(
    name: str, make_features: MakeFeatures, special: SpecialSubwords
) -> None:
    features = [make_features(16, [[1, 14], [7]], seed=1), make_features(9, [[3]], seed=2)]
    compare(build(name), features, special)


@NAMED
def test_two_windows_are_joined_as_the_published_code_joins_them(
    name: str, make_features: MakeFeatures, special: SpecialSubwords
) -> None:
    document = make_features(24, [[1, 12], [13], [22, 9]], seed=4)
    assert document.windows == ((0, 14), (9, 24))
    batch = compare(build(name), [document], special)
    # Places 9, 12 and 13 are seen by both windows, the other two by one.
    assert sorted(batch.row_mentions.tolist()) == [0, 1, 1, 2, 2, 3, 4, 4]


@pytest.mark.parametrize("at_once", [1, 30, 512])
@NAMED
def test_documents_of_one_and_of_several_windows_share_a_batch(
    name: str, at_once: int, make_features: MakeFeatures, special: SpecialSubwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_module, "ENCODER_SUBWORDS", at_once)
    features = [
        make_features(24, [[1], [13, 20]], seed=5),
        make_features(9, [[3], [7]], seed=6),
        make_features(11, seed=7),
        make_features(45, [[2, 15, 30], [43]], seed=8),
    ]
    assert [len(document.windows) for document in features] == [2, 1, 1, 5]
    compare(build(name), features, special)


@NAMED
def test_every_weight_learns_and_no_gradient_is_lost(
    name: str, make_features: MakeFeatures, special: SpecialSubwords
) -> None:
    transformer = build(name)
    encoder = Encoder(transformer).train()
    batch = collate([make_features(24, [[1], [13]]), make_features(9, [[3]])], special, padding_of(transformer)).to(
        "cpu"
    )
    encoded = encoder(batch)
    assert encoded.attention.isfinite().all()
    (encoded.states.square().sum() + encoded.states[..., 0].sum() + encoded.attention.square().sum()).backward()
    without = [name for name, weight in encoder.named_parameters() if weight.grad is None]
    assert without == []
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters() if weight.grad is not None)


def test_training_draws_dropout_from_the_seed_and_evaluation_draws_none(
    make_features: MakeFeatures, special: SpecialSubwords
) -> None:
    encoder = Encoder(build("bert"))
    batch = collate([make_features(12, [[1], [5]])], special, 0).to("cpu")
    assert encoder(batch).attention.equal(encoder(batch).attention)
    encoder.train()
    torch.manual_seed(1)
    first, second = encoder(batch), encoder(batch)
    torch.manual_seed(1)
    again = encoder(batch)
    assert first.states.equal(again.states)
    assert first.attention.equal(again.attention)
    assert not first.attention.equal(second.attention)
    assert first.attention.eq(0).any()


@NAMED
def test_only_encoders_that_need_it_hand_out_the_whole_map(name: str) -> None:
    encoder = Encoder(build(name))
    assert encoder.replaceable is not name.startswith(("deberta", "eurobert", "qwen2"))
    kind = encoder.transformer.config._attn_implementation
    assert kind == ("atlop_mention_rows" if encoder.replaceable else "eager")
    assert encoder.width == 24


@pytest.mark.parametrize(
    ("name", "positions", "window"),
    [
        ("bert", 512, 512),
        ("roberta", 514, 512),
        ("xlm-roberta", 514, 512),
        ("electra", 512, 512),
        ("albert", 512, 512),
        ("distilbert", 512, 512),
        ("modernbert, last layer global", 8192, 8192),
        ("deberta-v2", 512, 512),
        ("deberta-v3", 512, 512),
        ("bert", 128, 128),
    ],
)
def test_a_window_is_as_long_as_the_encoder_has_positions(name: str, positions: int, window: int) -> None:
    assert Encoder(build(name, max_position_embeddings=positions)).window == window


def test_a_window_has_512_subwords_where_the_encoder_has_no_limit() -> None:
    assert Encoder(AutoModel.from_config(XLNetConfig(vocab_size=300, d_model=24, n_layer=1, n_head=3))).window == 512


@torch.no_grad()
@pytest.mark.parametrize("name", ["bert", "roberta", "xlm-roberta", "electra", "albert", "distilbert", "deberta-v3"])
def test_a_full_window_can_be_read(name: str, make_features: MakeFeatures, special: SpecialSubwords) -> None:
    transformer = build(name, max_position_embeddings=40)
    encoder = Encoder(transformer)
    document = make_features(encoder.window, [[1]], window=encoder.window)
    assert document.windows == ((0, encoder.window),)
    close(encoder(collate([document], special, padding_of(transformer)).to("cpu")).attention.sum(-1), torch.ones(1, 3))


@torch.no_grad()
@pytest.mark.parametrize(("name", "tokenizer"), [("bert", "tiny_tokenizer"), ("roberta", "roberta_like_tokenizer")])
def test_no_mention_of_a_document_of_3000_subwords_is_lost(
    name: str, tokenizer: str, build_document: Callable[..., Document], request: pytest.FixtureRequest
) -> None:
    words: PreTrainedTokenizerBase = request.getfixturevalue(tokenizer)
    # 2,850 words of a subword each, two markers around each of 74 mentions, and two special subwords: 3,000.
    entities = [[(word // 30, word % 30, word % 30 + 1)] for word in np.linspace(0, 2849, 74).astype(int).tolist()]
    document = build_document(["a b c d e f g h i j k l m n o p q r s t u v w x y z A B C D"] * 95, *entities)
    transformer = build(name)
    encoder = Encoder(transformer)
    featurizer = Featurizer(words, ModelConfig(), encoder.window, labels=LabelMap(()))
    features = featurizer(document)
    assert (len(features.input_ids), len(features.mention_starts)) == (3000, 74)
    batch = collate([features], featurizer.special, padding_of(transformer)).to("cpu")
    encoded = encoder(batch)
    assert encoded.states[0].abs().sum(-1).gt(0).all()
    pooled = pool_entities(encoded, batch, LogSumExpPooling(Sizes(24, 2, 0)))
    assert pooled.embeddings.abs().sum(-1).gt(0).all()
    torch.testing.assert_close(encoded.attention.sum(-1), torch.ones(74, 3), atol=1e-4, rtol=0)
    torch.testing.assert_close(pooled.attention, encoded.attention)


def test_an_encoder_whose_layers_cannot_be_counted_is_refused(
    make_features: MakeFeatures, special: SpecialSubwords
) -> None:
    encoder = Encoder(build("bert"))
    encoder.layers = 4
    with pytest.raises(CheckpointError) as caught:
        encoder(collate([make_features(9, [[3]])], special, 0).to("cpu"))
    problem = "got 3 attention calls, expected 4; this kind of encoder is not supported"
    assert str(caught.value) == f"encoder BertModel: {problem}"


@pytest.mark.parametrize(
    "config",
    [
        lambda: FNetConfig(**SIZES),  # no attention
        lambda: LongformerConfig(**SIZES, attention_window=8),  # maps of the neighbours of each subword
    ],
)
def test_an_encoder_without_whole_attention_maps_is_refused(
    config: Callable[[], PreTrainedConfig], make_features: MakeFeatures, special: SpecialSubwords
) -> None:
    encoder = Encoder(AutoModel.from_config(config()))
    with pytest.raises(CheckpointError) as caught:
        encoder(collate([make_features(12, [[3]])], special, 0).to("cpu"))
    problem = "got no attention map of all its subwords; this kind of encoder is not supported"
    assert str(caught.value) == f"encoder {type(encoder.transformer).__name__}: {problem}"
