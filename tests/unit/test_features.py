"""Markers, subwords, windows and labels, worked out by hand on a vocabulary of a few words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from transformers import BertTokenizer, PreTrainedTokenizerBase

from atlop import features as features_module
from atlop import features as module
from atlop.config import ModelConfig
from atlop.documents import Document, Relation
from atlop.errors import ConfigError, LabelError
from atlop.features import Features, Featurizer
from atlop.labels import LabelMap
from atlop.type_constraints import TypeConstraints
from atlop.windows import SpecialSubwords

BuildDocument = Callable[..., Document]

SENTENCE = "Ada Lovelace wrote to Ada ."
LABELS = LabelMap(("P1", "P2", "P3"))


def featurize(tokenizer: PreTrainedTokenizerBase, document: Document, **settings: Any) -> Features:
    return Featurizer(tokenizer, ModelConfig(**{"window_overlap": 0, **settings}), window=64, labels=LABELS)(document)


def text_of(tokenizer: PreTrainedTokenizerBase, features: Features) -> str:
    return " ".join(tokenizer.convert_ids_to_tokens(features.input_ids.tolist()))


@pytest.mark.parametrize(
    ("mentions", "markers", "text", "starts"),
    [
        # Two mentions start at one word.
        ([(0, 0, 2), (0, 0, 1)], "shared", "* Ada * Love ##lace * wrote to Ada .", [1, 1]),
        ([(0, 0, 2), (0, 0, 1)], "each", "* * Ada * Love ##lace * wrote to Ada .", [1, 1]),
        ([(0, 0, 2), (0, 0, 1)], "none", "Ada Love ##lace wrote to Ada .", [1, 1]),
        # Two mentions share their last word.
        ([(0, 0, 2), (0, 1, 2)], "shared", "* Ada * Love ##lace * wrote to Ada .", [1, 3]),
        ([(0, 0, 2), (0, 1, 2)], "each", "* Ada * Love ##lace * * wrote to Ada .", [1, 3]),
        ([(0, 0, 2), (0, 1, 2)], "none", "Ada Love ##lace wrote to Ada .", [1, 2]),
        # Two mentions cross: the second begins inside the first and ends after it.
        ([(0, 0, 2), (0, 1, 3)], "shared", "* Ada * Love ##lace * wrote * to Ada .", [1, 3]),
        ([(0, 0, 2), (0, 1, 3)], "each", "* Ada * Love ##lace * wrote * to Ada .", [1, 3]),
        # One ends where the next starts, so two markers stand side by side.
        ([(0, 0, 1), (0, 1, 2)], "shared", "* Ada * * Love ##lace * wrote to Ada .", [1, 4]),
        # The same span twice.
        ([(0, 4, 5), (0, 4, 5)], "shared", "Ada Love ##lace wrote to * Ada * .", [6, 6]),
        ([(0, 4, 5), (0, 4, 5)], "each", "Ada Love ##lace wrote to * Ada * .", [6, 6]),
        ([(0, 4, 5, "PER"), (0, 4, 5, "ORG")], "shared", "Ada Love ##lace wrote to * Ada * .", [6, 6]),
        ([(0, 4, 5, "PER"), (0, 4, 5, "ORG")], "each", "Ada Love ##lace wrote to * * Ada * * .", [6, 6]),
        ([], "shared", "Ada Love ##lace wrote to Ada .", []),
        ([], "each", "Ada Love ##lace wrote to Ada .", []),
    ],
)
def test_markers_stand_where_the_policy_says(
    tiny_tokenizer: PreTrainedTokenizerBase,
    build_document: BuildDocument,
    mentions: list[tuple[int, int, int]],
    markers: str,
    text: str,
    starts: list[int],
) -> None:
    document = build_document([SENTENCE], *([mention] for mention in mentions))
    features = featurize(tiny_tokenizer, document, markers=markers)
    assert text_of(tiny_tokenizer, features) == f"[CLS] {text} [SEP]"
    assert features.mention_starts.tolist() == starts
    assert features.mention_entity.tolist() == list(range(len(mentions)))


def test_mentions_of_one_entity_carry_its_number_in_the_order_of_the_document(
    tiny_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument
) -> None:
    document = build_document(["Ada wrote .", "to Lovelace"], [(1, 1, 2), (0, 0, 1)], [(0, 1, 2)])
    features = featurize(tiny_tokenizer, document)
    assert text_of(tiny_tokenizer, features) == "[CLS] * Ada * * wrote * . to * Love ##lace * [SEP]"
    assert features.mention_starts.tolist() == [9, 1, 4]
    assert features.mention_entity.tolist() == [0, 0, 1]
    assert (features.title, features.entities, features.windows) == ("Document", 2, ((0, 14),))
    assert features.pairs.tolist() == [[0, 1], [1, 0]]
    assert features.labels is None


@pytest.mark.parametrize(
    ("markers", "subwords", "starts", "owners"),
    [
        ("none", "start", [2, 5, 4], [0, 0, 1]),
        ("none", "ends", [2, 3, 5, 4, 5], [0, 0, 0, 1, 1]),
        ("none", "all", [2, 3, 5, 4, 5], [0, 0, 0, 1, 1]),
        ("shared", "start", [2, 8, 6], [0, 0, 1]),
        ("shared", "ends", [2, 5, 8, 10, 6, 10], [0, 0, 0, 0, 1, 1]),
        ("shared", "all", [2, 3, 4, 5, 8, 9, 10, 6, 7, 8, 9, 10], [0] * 7 + [1] * 5),
    ],
)
def test_one_both_ends_or_all_subwords_stand_for_a_mention(
    tiny_tokenizer: PreTrainedTokenizerBase,
    build_document: BuildDocument,
    markers: str,
    subwords: str,
    starts: list[int],
    owners: list[int],
) -> None:
    # The second mention is inside the third.
    document = build_document(["wrote Lovelace to Ada"], [(0, 1, 2), (0, 3, 4)], [(0, 2, 4)])
    features = featurize(tiny_tokenizer, document, markers=markers, mention_subwords=subwords)
    expected = "* Love ##lace * * to * Ada *" if markers == "shared" else "Love ##lace to Ada"
    assert text_of(tiny_tokenizer, features) == f"[CLS] wrote {expected} [SEP]"
    assert features.mention_starts.tolist() == starts
    assert features.mention_entity.tolist() == owners


@pytest.mark.parametrize(
    ("markers", "text"), [("shared", "Ada * * wrote"), ("each", "Ada * * wrote"), ("none", "Ada wrote")]
)
def test_a_blank_word_has_no_subword_but_a_mention_of_it_has_a_place(
    tiny_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument, markers: str, text: str
) -> None:
    features = featurize(tiny_tokenizer, build_document(["Ada \u00a0 wrote"], [(0, 1, 2)]), markers=markers)
    assert text_of(tiny_tokenizer, features) == f"[CLS] {text} [SEP]"
    assert features.mention_starts.tolist() == [2]


def test_a_vocabulary_without_the_marker_marks_with_its_unknown_subword(
    tiny_vocabulary: dict[str, int], build_document: BuildDocument
) -> None:
    words = [word for word in tiny_vocabulary if word != "*"]
    tokenizer = BertTokenizer(vocab={word: index for index, word in enumerate(words)}, do_lower_case=False)
    features = featurize(tokenizer, build_document(["Ada wrote ."], [(0, 0, 1)]))
    assert text_of(tokenizer, features) == "[CLS] [UNK] Ada [UNK] wrote . [SEP]"


def test_every_word_is_split_by_itself_without_a_leading_space(
    roberta_like_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument
) -> None:
    features = featurize(roberta_like_tokenizer, build_document(["Ada to"], [(0, 1, 2)]))
    assert text_of(roberta_like_tokenizer, features) == "<s> A d a * t o * </s>"


@pytest.mark.parametrize(
    ("sentences", "text"), [([], "[CLS] [SEP]"), ([""], "[CLS] [SEP]"), (["", "Ada", ""], "[CLS] Ada [SEP]")]
)
def test_documents_and_sentences_may_be_empty(
    tiny_tokenizer: PreTrainedTokenizerBase, sentences: Sequence[str], text: str
) -> None:
    document = Document("Empty", tuple((sentence,) if sentence else () for sentence in sentences))
    features = featurize(tiny_tokenizer, document)
    assert text_of(tiny_tokenizer, features) == text
    assert features.mention_starts.shape == features.mention_entity.shape == (0,)
    assert features.pairs.shape == (0, 2)


def test_candidates_are_the_pairs_in_their_order(
    tiny_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument
) -> None:
    document = build_document([SENTENCE], [(0, 0, 1)], [(0, 1, 2)], candidates=((1, 0), (0, 0)))
    assert featurize(tiny_tokenizer, document).pairs.tolist() == [[1, 0], [0, 0]]


def test_words_are_remembered_only_up_to_a_limit(
    tiny_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features_module, "CACHED_WORDS", 2)
    featurizer = Featurizer(tiny_tokenizer, ModelConfig(window_overlap=0), window=64, labels=LABELS)
    texts = ["Ada wrote to Lovelace", "wrote Ada", "the . Ada"]
    found = [text_of(tiny_tokenizer, featurizer(build_document([text]))) for text in texts]
    expected = ["Ada wrote to Love ##lace", "wrote Ada", "the . Ada"]
    assert found == [f"[CLS] {text} [SEP]" for text in expected]
    assert len(featurizer._subwords) <= 2 + 3


# Cutting


def test_a_cut_keeps_mentions_that_start_before_its_end(
    tiny_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument, caplog: pytest.LogCaptureFixture
) -> None:
    # Of eight words six stay. Word 5 is the last of them; word 6 would start where [SEP] now is, and reads that.
    document = build_document(["a b c d e f g h"], [(0, 5, 6)], [(0, 6, 7)], [(0, 7, 8)], title="Long one")
    with caplog.at_level(logging.WARNING):
        features = featurize(tiny_tokenizer, document, markers="none", max_length=8)
    assert text_of(tiny_tokenizer, features) == "[CLS] a b c d e f [SEP]"
    assert features.mention_starts.tolist() == [6, 7]
    assert features.mention_entity.tolist() == [0, 1]
    assert features.entities == 3
    assert len(features.pairs) == 6
    warning = "document 'Long one': cut from 10 to 8 subwords (max_length); the rest is not read"
    assert caplog.messages == [warning]


def test_a_cut_may_fall_within_a_word_and_between_its_markers(
    tiny_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument
) -> None:
    features = featurize(tiny_tokenizer, build_document(["a b c d Lovelace ."], [(0, 4, 5)]), max_length=8)
    assert text_of(tiny_tokenizer, features) == "[CLS] a b c d * Love [SEP]"
    assert features.mention_starts.tolist() == [5]


@pytest.mark.parametrize("limit", [8, None])
def test_a_document_that_just_fits_is_not_cut(
    tiny_tokenizer: PreTrainedTokenizerBase,
    build_document: BuildDocument,
    caplog: pytest.LogCaptureFixture,
    limit: int | None,
) -> None:
    with caplog.at_level(logging.WARNING):
        features = featurize(tiny_tokenizer, build_document(["a b c d e f"]), max_length=limit)
    assert text_of(tiny_tokenizer, features) == "[CLS] a b c d e f [SEP]"
    assert not caplog.messages


def test_the_windows_are_those_of_the_cut_document(
    tiny_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument
) -> None:
    document = build_document(["a b c d e f g h i j k l m n"])
    assert featurize(tiny_tokenizer, document, window=10).windows == ((0, 9), (7, 16))
    assert featurize(tiny_tokenizer, document, window=10, max_length=12).windows == ((0, 9), (3, 12))


# Special subwords


def test_special_subwords_of_a_tokenizer_like_that_of_bert(tiny_tokenizer: PreTrainedTokenizerBase) -> None:
    assert SpecialSubwords.of(tiny_tokenizer) == SpecialSubwords((2,), (3,), (3,))


def test_special_subwords_of_a_tokenizer_like_that_of_roberta(roberta_like_tokenizer: PreTrainedTokenizerBase) -> None:
    assert SpecialSubwords.of(roberta_like_tokenizer) == SpecialSubwords((0,), (2,), (2, 2))


# The window of a featurizer


@pytest.mark.parametrize(("window", "used"), [(None, 64), (32, 32), (80, 64)])
def test_a_window_is_never_longer_than_the_encoder_reads(
    tiny_tokenizer: PreTrainedTokenizerBase, window: int | None, used: int
) -> None:
    assert (
        Featurizer(tiny_tokenizer, ModelConfig(window=window, window_overlap=0), window=64, labels=LABELS).window
        == used
    )


def test_an_overlap_without_room_is_refused(tiny_tokenizer: PreTrainedTokenizerBase) -> None:
    Featurizer(tiny_tokenizer, ModelConfig(window_overlap=61), window=64, labels=LABELS)
    with pytest.raises(ConfigError) as caught:
        Featurizer(tiny_tokenizer, ModelConfig(window_overlap=62), window=64, labels=LABELS)
    mistake = "window_overlap: got 62, expected less than 62, the room in a window of 64 subwords"
    assert str(caught.value) == f"configuration: 1 mistake\n  - {mistake}"


# Labels


def test_an_unknown_relation_is_refused(tiny_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument) -> None:
    document = build_document([SENTENCE], [(0, 0, 1)], [(0, 1, 2)], relations=(Relation(0, 1, "P9"),))
    featurizer = Featurizer(tiny_tokenizer, ModelConfig(window_overlap=0), window=64, labels=LABELS)
    with pytest.raises(LabelError) as caught:
        featurizer(document, labelled=True)
    assert str(caught.value) == "unknown relation 'P9': the label map has 3 relations"


def test_features_carry_labels_where_a_label_map_is_given(
    tiny_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument
) -> None:
    document = build_document([SENTENCE], [(0, 0, 1)], [(0, 1, 2)], relations=(Relation(1, 0, "P1"),))
    featurizer = Featurizer(tiny_tokenizer, ModelConfig(window_overlap=0), window=64, labels=LabelMap(("P1",)))
    labels = featurizer(document, labelled=True).labels
    assert labels is not None
    assert labels.tolist() == [[True, False], [False, True]]


# Pairs skipped by type


def test_features_leave_out_pairs_of_types_that_are_not_connected(
    tiny_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument
) -> None:
    relations = (Relation(0, 1, "P1"), Relation(1, 0, "P1"))
    document = build_document([SENTENCE], [(0, 0, 1, "PER")], [(0, 1, 2, "LOC")], relations=relations)
    constraints = TypeConstraints({"PER": frozenset({"LOC"}), "LOC": frozenset()})
    labels = LabelMap(("P1",), type_constraints=constraints)
    featurizer = Featurizer(tiny_tokenizer, ModelConfig(window_overlap=0), window=64, labels=labels, prune=True)
    features = featurizer(document, labelled=True)
    assert features.pairs.tolist() == [[0, 1]]
    assert features.labels is not None
    assert features.labels.tolist() == [[False, True]]
    assert (features.entities, features.mention_entity.tolist()) == (2, [0, 1])


def test_features_of_a_document_without_a_pair_to_keep(
    tiny_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument
) -> None:
    document = build_document([SENTENCE], [(0, 0, 1)], [(0, 1, 2)])
    nothing = LabelMap((), type_constraints=TypeConstraints({"PER": frozenset()}))
    features = Featurizer(tiny_tokenizer, ModelConfig(window_overlap=0), window=64, labels=nothing, prune=True)(
        document
    )
    assert features.pairs.shape == (0, 2)


# What heads are given


def test_subwords_know_their_sentence_and_word(
    tiny_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument
) -> None:
    document = build_document(["Ada Lovelace", "wrote ."], [(0, 1, 2)], [(1, 0, 1)])
    features = featurize(tiny_tokenizer, document)
    assert text_of(tiny_tokenizer, features) == "[CLS] Ada * Love ##lace * * wrote * . [SEP]"
    assert features.sentences.tolist() == [-1, 0, 0, 0, 0, 0, 1, 1, 1, 1, -1]
    assert features.words.tolist() == [-1, 0, -1, 1, 1, -1, -1, 2, -1, 3, -1]
    cut = featurize(tiny_tokenizer, document, max_length=8)
    assert (len(cut.sentences), len(cut.words), len(cut.input_ids)) == (8, 8, 8)


def test_entities_know_their_type(tiny_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument) -> None:
    document = build_document([SENTENCE], [(0, 0, 1, "PER")], [(0, 1, 2, "LOC")], [(0, 2, 3, "TIME")])
    constraints = TypeConstraints({"PER": frozenset(), "LOC": frozenset()})
    labels = LabelMap((), type_constraints=constraints)
    featurizer = Featurizer(tiny_tokenizer, ModelConfig(window_overlap=0), window=64, labels=labels)
    assert labels.entity_types == ("LOC", "PER")
    assert featurizer(document).entity_types.tolist() == [2, 1, 0]
    assert featurize(tiny_tokenizer, document).entity_types.tolist() == [0, 0, 0]


def test_the_table_of_subwords_may_be_replaced_while_it_is_used(
    tiny_tokenizer: PreTrainedTokenizerBase, build_document: BuildDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by another thread, which finds it too large."""
    monkeypatch.setattr(module, "CACHED_WORDS", 2)
    featurizer = Featurizer(tiny_tokenizer, ModelConfig(window_overlap=0), window=64, labels=LABELS)
    words = [f"{first}{second}" for first in "abcdefgh" for second in "abcdefgh"]
    documents = [build_document([" ".join(words[start : start + 9])]) for start in range(50)]
    expected = [featurizer(document).input_ids.tolist() for document in documents]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            found = [made.input_ids.tolist() for made in pool.map(featurizer, documents)]
            assert found == expected
