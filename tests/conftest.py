"""Fixtures that every test may use."""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from atlop.documents import Document, Entity, Mention

if TYPE_CHECKING:  # tests of formats and evaluation need no model library, and start at once without it
    from transformers import PreTrainedTokenizerBase

    from atlop.checkpoint import Checkpoint

# Tests are never timed: a busy machine must not fail them.
# In CI every run draws the same examples; new ones are found at a desk, where they can be looked at.
CI = "CI" in os.environ
settings.register_profile("untimed", deadline=None, derandomize=CI, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

BuildDocument = Callable[..., Document]

TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parents[1] / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each integration and regression test by the folder that it is in."""
    for item in items:
        kind = item.path.relative_to(TESTS).parts[0]
        if kind in ("integration", "regression"):
            item.add_marker(kind)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real corpora and reference outputs beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("the folder 'shared' with real corpora and reference outputs is not beside the checkout")
    return SHARED


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Work with one thread: tensors as small as those of most tests make a second one wait more than it helps."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def build_document() -> BuildDocument:
    """Make a document of sentences, whose words a space splits, and of entities, each a list of mentions.

    A mention is (sentence, start, end) or (sentence, start, end, type).
    """

    def mention(sentences: Sequence[Sequence[str]], place: Sequence[Any]) -> Mention:
        sentence, start, end = place[:3]
        kind = place[3] if len(place) > 3 else "PER"
        return Mention(sentence, start, end, kind, " ".join(sentences[sentence][start:end]))

    def build(sentences: Sequence[str], *entities: Sequence[Sequence[Any]], **others: Any) -> Document:
        words = tuple(tuple(sentence.split(" ")) for sentence in sentences)
        clusters = tuple(Entity(tuple(mention(words, place) for place in entity)) for entity in entities)
        return Document(others.pop("title", "Document"), words, clusters, **others)

    return build


@pytest.fixture(scope="session")
def tiny_vocabulary() -> dict[str, int]:
    """Subwords of ``tiny_tokenizer``; every word of plain letters can be put together from them."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "*", ".", "Ada", "Love", "##lace", "wrote", "to", "the"]
    letters = [begin + letter for begin in ("", "##") for letter in string.ascii_letters + string.digits]
    return {word: index for index, word in enumerate([*words, *letters])}


@pytest.fixture(scope="session")
def tiny_tokenizer(tiny_vocabulary: dict[str, int]) -> PreTrainedTokenizerBase:
    """A tokenizer like BERT's: ``[CLS] text [SEP]``."""
    from transformers import BertTokenizer

    return BertTokenizer(vocab=tiny_vocabulary, do_lower_case=False)


@pytest.fixture(scope="session")
def roberta_like_tokenizer() -> PreTrainedTokenizerBase:
    """A tokenizer like RoBERTa's: ``<s> text </s>``, two texts split by ``</s></s>``; every byte is a subword."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import RobertaTokenizer

    subwords = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(ByteLevel.alphabet())]
    return RobertaTokenizer(vocab={subword: index for index, subword in enumerate(subwords)}, merges=[])


@pytest.fixture(scope="session")
def make_checkpoint(tiny_tokenizer: PreTrainedTokenizerBase) -> Callable[..., Checkpoint]:
    """Make a checkpoint with a tiny random BERT that reads 64 subwords at once; settings go to ``ModelConfig``.

    A calibration may be given. Its relations are P1, P2 and P3. The same settings give the same weights.
    """
    import torch
    from transformers import BertConfig, BertModel

    from atlop.calibration import Calibration
    from atlop.checkpoint import Checkpoint
    from atlop.config import ModelConfig
    from atlop.labels import LabelMap
    from atlop.model.relation_model import RelationModel

    def make(calibration: Calibration | None = None, **settings: Any) -> Checkpoint:
        encoder = BertConfig(
            vocab_size=len(tiny_tokenizer),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
            initializer_range=0.3,
        )
        config = ModelConfig(**{"embedding_size": 12, "block_size": 4, "window_overlap": 16, **settings})
        labels = LabelMap(("P1", "P2", "P3"), {"P1": "first relation"})
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = RelationModel(BertModel(encoder), config, len(labels))
        return Checkpoint(model.eval(), config, labels, tiny_tokenizer, calibration or Calibration())

    return make


@pytest.fixture(scope="session")
def make_reader(make_checkpoint: Callable[..., Checkpoint]) -> Callable[..., Checkpoint]:
    """Make a checkpoint of a random model that finds entities of two types, in almost any text; settings go to it."""
    import dataclasses

    import torch

    from atlop.checkpoint import build_model
    from atlop.documents import Document, Entity, Mention, Relation
    from atlop.type_constraints import TypeConstraints

    def make(**settings: Any) -> Checkpoint:
        base = make_checkpoint(**{"heads": ["mentions", "entities", "evidence"], "markers": "none", **settings})
        entities = tuple(
            Entity((Mention(0, place, place + 1, kind, kind),)) for place, kind in enumerate(("LOC", "PER"))
        )
        document = Document("types", (("a", "b"),), entities, (Relation(0, 1, "P1"),))
        labels = dataclasses.replace(base.labels, type_constraints=TypeConstraints.of([document]))
        with torch.random.fork_rng():
            torch.manual_seed(3)
            model = build_model(base.model.encoder.transformer, base.config, labels)
        return dataclasses.replace(base, model=model.eval(), labels=labels)

    return make


@pytest.fixture
def tiny_checkpoint(make_checkpoint: Callable[..., Checkpoint]) -> Checkpoint:
    """What ``make_checkpoint`` gives without settings."""
    return make_checkpoint()


@pytest.fixture(scope="session")
def exported(make_checkpoint: Callable[..., Checkpoint], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what ``make_checkpoint`` gives without settings, exported to ONNX; not to be changed."""
    from atlop.export import export_onnx

    folder = tmp_path_factory.mktemp("exported")
    export_onnx(make_checkpoint(), folder)
    return folder


@pytest.fixture(scope="session")
def make_encoder(
    tiny_tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Make a folder with a tiny random BERT and ``tiny_tokenizer``, to train on; settings go to ``BertConfig``.

    The same settings give the same weights.
    """
    import torch
    from transformers import BertConfig, BertModel

    def make(**settings: Any) -> Path:
        sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
        config = BertConfig(**{"vocab_size": len(tiny_tokenizer), "max_position_embeddings": 64, **sizes, **settings})
        folder = tmp_path_factory.mktemp("encoder")
        with torch.random.fork_rng():
            torch.manual_seed(0)
            BertModel(config).save_pretrained(folder)
        tiny_tokenizer.save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_encoder(make_encoder: Callable[..., Path]) -> Path:
    """What ``make_encoder`` gives without settings."""
    return make_encoder()
