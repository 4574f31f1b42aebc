"""Batches against a slow and obvious computation of each of their tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from atlop import batches
from atlop.batches import Batch, collate
from atlop.features import Features
from atlop.limits import group_by_length
from atlop.windows import SpecialSubwords

MakeFeatures = Callable[..., Features]
PADDING = 0


def slow_batch(features: Sequence[Features], special: SpecialSubwords) -> dict[str, Any]:
    """Everything that a batch holds, as lists, one document, window and subword after the other."""
    length = max(len(document.input_ids) for document in features)
    found: dict[str, Any] = {entry.name: [] for entry in fields(Batch)}
    windows = [(d, start, stop) for d, document in enumerate(features) for start, stop in document.windows]
    for d, start, stop in windows:
        ids = features[d].input_ids.tolist()
        before = list(special.prefix) if start > 0 else []
        after = list(special.break_suffix) if stop < len(ids) else []
        found["input_ids"].append(before + ids[start:stop] + after)
        places = [d * length + place for place in range(start, stop)]
        nowhere = len(features) * length
        found["token_places"].append([nowhere] * len(before) + places + [nowhere] * len(after))
    _add_rows(found, features, windows, length)
    _pad(found["token_places"], len(features) * length)
    found["attention_mask"] = [[1] * len(row) for row in found["input_ids"]]
    _pad(found["attention_mask"], 0)
    _pad(found["input_ids"], PADDING)
    for d, document in enumerate(features):
        spans = document.windows
        found["coverage"].append([sum(start <= place < stop for start, stop in spans) for place in range(length)])
        _add_document(found, document, first_place=d * length, length=length)
        found["sentences"].append(document.sentences.tolist())
        found["words"].append(document.words.tolist())
        found["shapes"].append(document.shapes.tolist())
        found["tags"].append([] if document.tags is None else document.tags.tolist())
    _pad(found["shapes"], 0)
    _pad(found["tags"], -1)
    _pad(found["sentences"], -1)
    _pad(found["words"], -1)
    # The place after the last pair stands for none.
    found["reverse_pairs"] = [len(found["pairs"]) if place < 0 else place for place in found["reverse_pairs"]]
    found["most_sentences"] = max(max(row) for row in found["sentences"]) + 1
    found["whole"] = all(len(document.windows) == 1 for document in features)
    complete = all(document.labels is not None for document in features)
    _pad(found["evidence"], False, least=found["most_sentences"])
    return {**found, "names": None, **({} if complete else {"labels": None, "evidence": None, "tags": None})}


def _add_rows(
    found: dict[str, list[Any]], features: Sequence[Features], windows: Sequence[tuple[int, int, int]], length: int
) -> None:
    mentions = [(d, place) for d, document in enumerate(features) for place in document.mention_starts.tolist()]
    width = max(len(row) for row in found["token_places"])
    nowhere = len(features) * length
    for w in range(len(windows)):
        places = found["token_places"][w]
        seen = [(m, d * length + place) for m, (d, place) in enumerate(mentions) if d * length + place in places]
        found["row_positions"].append([places.index(place) for _, place in seen])
        for m, _ in seen:
            found["row_mentions"].append(m)
            columns = [length if place == nowhere else place % length for place in places]
            found["row_columns"].append(columns + [length] * (width - len(columns)))
    most = max(1, *(len(row) for row in found["row_positions"]))
    found["row_places"] = [w * most + q for w, row in enumerate(found["row_positions"]) for q in range(len(row))]
    _pad(found["row_positions"], 0, least=1)


def _pad(rows: list[list[int]], filler: int, least: int = 0) -> None:
    width = max(least, *(len(row) for row in rows), 0)
    for row in rows:
        row += [filler] * (width - len(row))


def _add_document(found: dict[str, Any], document: Features, first_place: int, length: int) -> None:
    first_entity, first_unordered = sum(found["entity_counts"]), len(found["unordered_pairs"])
    found["mention_places"] += [first_place + place for place in document.mention_starts.tolist()]
    found["mention_entity"] += [first_entity + entity for entity in document.mention_entity.tolist()]
    found["mention_split"] += [len(document.windows) > 1] * len(document.mention_starts)
    pairs = document.pairs.tolist()
    unordered = sorted({(min(pair), max(pair)) for pair in pairs})
    found["pairs"] += [[first_entity + head, first_entity + tail] for head, tail in pairs]
    places = {tuple(pair): len(found["reverse_pairs"]) + place for place, pair in enumerate(pairs)}
    found["reverse_pairs"] += [places.get((tail, head), -1) for head, tail in pairs]
    found["pair_contexts"] += [first_unordered + unordered.index((min(pair), max(pair))) for pair in pairs]
    found["unordered_pairs"] += [list(pair) for pair in unordered]
    found["entity_types"] += document.entity_types.tolist()
    found["entity_counts"].append(document.entities)
    found["pair_counts"].append(len(pairs))
    if unordered:
        # Small documents: one block, of as many first entities as fit.
        first, some = unordered[0][0], batches.CONTEXT_WEIGHTS // (document.entities * length)
        block = (
            len(found["entity_counts"]) - 1,
            first_unordered,
            first_unordered + len(unordered),
            first,
            first + some,
        )
        found["context_blocks"].append(block)
    found["labels"] += [] if document.labels is None else document.labels.tolist()
    found["evidence"] += [] if document.evidence is None else document.evidence.tolist()


def as_lists(batch: Batch[Any]) -> dict[str, Any]:
    values = {entry.name: getattr(batch, entry.name) for entry in fields(Batch)}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}


def test_a_batch_by_hand(make_features: MakeFeatures, special: SpecialSubwords) -> None:
    short = make_features(4, [[1], [2]], window=6, overlap=1, columns=2)
    long = make_features(8, [[1, 5]], window=6, overlap=1, columns=2, pairs=[(0, 0)])
    assert long.windows == ((0, 4), (3, 8))
    a, b = short.input_ids.tolist(), long.input_ids.tolist()
    batch = as_lists(collate([short, long], special, PADDING))
    assert batch["input_ids"] == [[*a, 0, 0], [*b[0:4], 2, 2], [3, *b[3:8]]]
    assert batch["attention_mask"] == [[1, 1, 1, 1, 0, 0], [1] * 6, [1] * 6]
    assert batch["token_places"] == [[0, 1, 2, 3, 16, 16], [8, 9, 10, 11, 16, 16], [16, 11, 12, 13, 14, 15]]
    assert batch["coverage"] == [[1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 2, 1, 1, 1, 1]]
    assert batch["row_positions"] == [[1, 2], [1, 0], [3, 0]]
    assert batch["row_places"] == [0, 1, 2, 4]
    assert batch["row_mentions"] == [0, 1, 2, 3]
    assert batch["row_columns"] == [[0, 1, 2, 3, 8, 8], [0, 1, 2, 3, 8, 8], [0, 1, 2, 3, 8, 8], [8, 3, 4, 5, 6, 7]]
    assert batch["mention_places"] == [1, 2, 9, 13]
    assert batch["mention_entity"] == [0, 1, 2, 2]
    assert batch["mention_split"] == [False, False, True, True]
    assert batch["pairs"] == [[0, 1], [1, 0], [2, 2]]
    assert batch["pair_contexts"] == [0, 0, 1]
    assert batch["unordered_pairs"] == [[0, 1], [0, 0]]
    assert (batch["entity_counts"], batch["pair_counts"]) == ([2, 1], [2, 1])


def test_contexts_are_cut_into_blocks_by_their_first_entity(
    make_features: MakeFeatures, special: SpecialSubwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 4 entities in 5 subwords: an entity takes 20 numbers, so 2 entities to a block, and none begins a pair with 3.
    monkeypatch.setattr(batches, "CONTEXT_WEIGHTS", 59)
    two, one = make_features(5, [[1], [2]]), make_features(5, [[1], [2], [3], [3]], pairs=[(3, 0), (2, 3), (0, 1)])
    batch = collate([two, one], special, PADDING)
    assert batch.unordered_pairs.tolist() == [[0, 1], [0, 1], [0, 3], [2, 3]]
    assert batch.context_blocks == [(0, 0, 1, 0, 5), (1, 1, 3, 0, 2), (1, 3, 4, 2, 4)]


@pytest.mark.parametrize(("window", "whole"), [(30, True), (20, False)])
def test_documents_of_one_window_are_told(
    make_features: MakeFeatures, special: SpecialSubwords, window: int, whole: bool
) -> None:
    features = [make_features(5, [[1], [2]]), make_features(25, [[1]], window=window)]
    assert collate(features, special, PADDING).whole is whole


@pytest.mark.parametrize(
    ("lengths", "groups"),
    [
        ([], []),
        ([50], [[0]]),
        ([3, 9, 4, 2], [[3, 0], [2], [1]]),
        ([5, 5, 5], [[0, 1], [2]]),
        ([1, 1, 1, 4], [[0, 1, 2], [3]]),
    ],
)
def test_lengths_are_grouped_with_their_padding_counted(lengths: list[int], groups: list[list[int]]) -> None:
    assert list(group_by_length(lengths, 10)) == groups


@st.composite
def shapes(draw: st.DrawFn) -> tuple[int, list[list[int]], list[tuple[int, int]] | None]:
    """Length, mentions of each entity (none where all were cut off) and listed pairs of one document."""
    length = draw(st.integers(2, 70))
    entities = draw(st.lists(st.lists(st.integers(0, length - 1), max_size=3), max_size=4))
    indices = st.integers(0, max(len(entities) - 1, 0))
    listed = st.lists(st.tuples(indices, indices), max_size=6, unique=True) if entities else st.just([])
    return length, entities, draw(st.none() | listed)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(shapes(), min_size=1, max_size=4), st.sampled_from([None, 3]))
def test_a_batch_holds_what_the_slow_computation_gives(
    make_features: MakeFeatures,
    special: SpecialSubwords,
    documents: list[tuple[int, list[list[int]], list[tuple[int, int]] | None]],
    columns: int | None,
) -> None:
    features = [
        make_features(length, entities, pairs=pairs, columns=columns, seed=seed)
        for seed, (length, entities, pairs) in enumerate(documents)
    ]
    batch = collate(features, special, PADDING)
    assert as_lists(batch) == slow_batch(features, special)
    assert batch.entities == sum(len(entities) for _, entities, _ in documents)


def test_documents_without_pairs_or_entities_leave_no_trace(
    make_features: MakeFeatures, special: SpecialSubwords
) -> None:
    features = [
        make_features(5, columns=2),
        make_features(30, [[3], [20]], columns=2),
        make_features(6, [[1]], columns=2),
    ]
    batch = collate(features, special, PADDING)
    assert as_lists(batch) == slow_batch(features, special)
    assert batch.pair_counts == [0, 2, 0]
    assert batch.pairs.tolist() == [[0, 1], [1, 0]]
    assert batch.labels is not None
    assert batch.labels.shape == (2, 2)


def test_a_batch_without_any_mention_has_empty_tensors_of_the_right_shape(
    make_features: MakeFeatures, special: SpecialSubwords
) -> None:
    batch = collate([make_features(5), make_features(3)], special, PADDING)
    shapes = {name: tuple(getattr(batch, name).shape) for name in ("pairs", "unordered_pairs", "row_columns")}
    assert shapes == {"pairs": (0, 2), "unordered_pairs": (0, 2), "row_columns": (0, 5)}
    assert batch.row_positions.tolist() == [[0], [0]]
    assert batch.entities == 0


def test_labels_are_left_out_if_one_document_has_none(make_features: MakeFeatures, special: SpecialSubwords) -> None:
    features = [make_features(5, [[1], [2]], columns=3), make_features(5, [[1], [2]])]
    assert collate(features, special, PADDING).labels is None


def test_a_batch_goes_to_a_device_with_all_but_the_lists(make_features: MakeFeatures, special: SpecialSubwords) -> None:
    batch = collate([make_features(5, [[1], [2]], columns=3), make_features(9, [[1]], columns=3)], special, PADDING)
    moved = batch.to("cpu").to("meta")
    tensors = [entry.name for entry in fields(Batch) if isinstance(getattr(moved, entry.name), Tensor)]
    assert {getattr(moved, name).device for name in tensors} == {torch.device("meta")}
    assert {entry.name for entry in fields(Batch)} - set(tensors) == {
        "entity_counts",
        "pair_counts",
        "names",
        "context_blocks",
        "most_sentences",
        "whole",
    }
    assert (moved.entity_counts, moved.pair_counts) == ([2, 1], [2, 0])


def test_the_tensors_of_a_batch_hold_what_its_arrays_hold(
    make_features: MakeFeatures, special: SpecialSubwords
) -> None:
    batch = collate([make_features(30, [[1], [2]], columns=3), make_features(9, [[1]], columns=3)], special, PADDING)
    moved = batch.to("cpu")
    for entry in fields(Batch):
        array, tensor = getattr(batch, entry.name), getattr(moved, entry.name)
        if isinstance(array, np.ndarray):
            assert isinstance(tensor, Tensor)
            np.testing.assert_array_equal(tensor.numpy(), array, strict=True)


def test_a_batch_without_labels_moves_too(make_features: MakeFeatures, special: SpecialSubwords) -> None:
    assert collate([make_features(5, [[1]])], special, PADDING).to("meta").labels is None


@pytest.mark.parametrize("padding", [0, 1, 49])
def test_windows_are_padded_with_the_given_subword(
    make_features: MakeFeatures, special: SpecialSubwords, padding: int
) -> None:
    batch = collate([make_features(3), make_features(5)], special, padding)
    assert batch.input_ids[0, 3:].tolist() == [padding, padding]
