from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atlop.errors import LabelError
from atlop.labels import LabelMap, plain_name, read_columns, read_display_names
from atlop.type_constraints import TypeConstraints

LABELS = LabelMap(("P27", "P19", "P131"), {"P27": "country of citizenship"}, threshold="NR")
STORED = {
    "threshold": "NR",
    "relations": [
        {"name": "P27", "display_name": "country of citizenship"},
        {"name": "P19", "display_name": "P19"},
        {"name": "P131", "display_name": "P131"},
    ],
}


@pytest.mark.parametrize(
    ("label", "name"),
    [("1:CID:2", "CID"), ("1:NR:2", "NR"), ("P27", "P27"), ("1:CID", "1:CID"), ("x:CID:2", "x:CID:2")],
)
def test_argument_numbers_are_stripped(label: str, name: str) -> None:
    assert plain_name(label) == name


def test_columns_count_from_one_as_the_threshold_owns_column_0() -> None:
    assert len(LABELS) == 4
    assert [LABELS.column(name) for name in LABELS.relations] == [1, 2, 3]
    assert [LABELS.relation(column) for column in (1, 2, 3)] == ["P27", "P19", "P131"]


def test_display_names_fall_back_on_the_relations_own() -> None:
    assert [LABELS.display_name(name) for name in ("P27", "P19", "P999")] == ["country of citizenship", "P19", "P999"]


def test_is_stored_with_all_that_it_holds() -> None:
    assert LABELS.to_json() == STORED
    assert LabelMap.from_json(STORED) == LABELS


def test_type_constraints_are_stored_where_they_are_known() -> None:
    labels = dataclasses.replace(
        LABELS, type_constraints=TypeConstraints({"PER": frozenset({"LOC"}), "LOC": frozenset()})
    )
    stored = {**STORED, "type_constraints": {"LOC": [], "PER": ["LOC"]}}
    assert labels.to_json() == stored
    assert LabelMap.from_json(stored) == labels


@pytest.mark.parametrize("zero", ["Na", "NR", "no_relation"])
def test_column_0_is_the_threshold_whatever_its_name(zero: str) -> None:
    labels = LabelMap.from_columns({"B": 2, zero: 0, "A": 1}, {"A": "a", zero: "z", "C": "c"})
    assert labels == LabelMap(("A", "B"), {"A": "a"}, zero)


def test_columns_may_be_strings_and_names_may_carry_argument_numbers() -> None:
    assert LabelMap.from_columns({"1:NR:2": "0", "1:CID:2": "1"}) == LabelMap(("CID",), {}, "NR")


def test_more_than_nine_columns_count_as_numbers() -> None:
    names = tuple(f"R{column}" for column in range(1, 12))
    assert LabelMap.from_columns({"Na": 0, **{name: i for i, name in enumerate(names, 1)}}).relations == names


def test_relations_of_a_corpus_are_put_in_order() -> None:
    labels = LabelMap.from_relations(["P27", "P19", "P27"], {"P19": "born in", "P1": "other"})
    assert labels == LabelMap(("P19", "P27"), {"P19": "born in"})


SHAPE = 'expected {"threshold": string, "relations": [{"name": string, "display_name": string}, ...]}'
ONE_NAME = "expected every relation to have one name of its own"


def test_an_unknown_relation_is_told_with_the_closest_name() -> None:
    with pytest.raises(LabelError) as caught:
        LABELS.column("P72")
    assert str(caught.value) == "unknown relation 'P72': the label map has 3 relations; did you mean 'P27'?"


def test_an_unknown_relation_like_no_other_is_told() -> None:
    with pytest.raises(LabelError) as caught:
        LABELS.column("born")
    assert str(caught.value) == "unknown relation 'born': the label map has 3 relations"


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (("P1", "P2", "P1"), "the names ['P1'] (list) more than once"),
        (("P1", ""), "an empty or non-string name"),
        (("P1", 2), "an empty or non-string name"),
    ],
)
def test_every_relation_has_one_name_of_its_own(names: tuple[Any, ...], problem: str) -> None:
    with pytest.raises(LabelError) as caught:
        LabelMap(names)
    assert str(caught.value) == f"label map: got {problem}, {ONE_NAME}"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ([], "[] (list)"),
        ({"threshold": "Na"}, "{'threshold': 'Na'} (dict)"),
        ({"relations": []}, "{'relations': []} (dict)"),
        ({"threshold": None, "relations": []}, "{'threshold': None, 'relations': []} (dict)"),
        ({"threshold": "", "relations": [3]}, "{'threshold': '', 'relations': [3]} (dict)"),
        ({"threshold": "", "relations": [{"name": "P1"}]}, "{'threshold': '', 'relations': [{'name': 'P1'}]} (dict)"),
        (
            {"threshold": "", "relations": [{"name": [], "display_name": ""}]},
            "{'threshold': '', 'relations': [{'name': [], 'display_nam... (dict)",
        ),
    ],
)
def test_a_stored_form_that_is_none_is_told(stored: Any, shown: str) -> None:
    with pytest.raises(LabelError) as caught:
        LabelMap.from_json(stored)
    assert str(caught.value) == f"label map: got {shown}, {SHAPE}"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], "label map: got [] (list), expected a mapping of relation names to columns"),
        ({}, "label map: got {} (dict), expected a mapping of relation names to columns"),
        ({"Na": 0, "P1": 2}, "label map: got the columns [0, 2] (list), expected 0 to 1, each once"),
        ({"Na": 0, "P1": 0}, "label map: got the columns [0, 0] (list), expected 0 to 1, each once"),
        ({"Na": 0, "P1": None}, "label map: got the columns [0, None] (list), expected 0 to 1, each once"),
        ({"Na": 0, "P1": 10**9}, "label map: got the columns [0, 1000000000] (list), expected 0 to 1, each once"),
        ({"Na": False, "P1": 1.0}, "label map: got the columns [1.0, False] (list), expected 0 to 1, each once"),
        (
            {f"P{column}": column for column in range(2**14 + 2)},
            "label map: got 16385 relations, expected at most 16384",
        ),
        ({"Na": 0, "1:P:2": 1, "P": 2}, f"label map: got the names ['P'] (list) more than once, {ONE_NAME}"),
    ],
)
def test_columns_that_are_none_are_told(columns: Any, message: str) -> None:
    with pytest.raises(LabelError) as caught:
        LabelMap.from_columns(columns)
    assert str(caught.value) == message


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "rel2id.json").write_text('{"Na": 0, "P1": 1}', encoding="utf-8-sig")
    assert read_columns(tmp_path / "rel2id.json").relations == ("P1",)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("read", [read_columns, read_display_names])
def test_json_that_is_nested_too_deeply_is_told(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "labels.json"
    path.write_text(nested(100_000))
    with pytest.raises(LabelError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: not readable as JSON: nested too deeply"


@pytest.mark.parametrize("depth", range(100, 1000, 50))
def test_json_that_is_just_readable_is_refused_like_any_other(tmp_path: Path, depth: int) -> None:
    """Somewhere between, a value can be read and no longer be shown."""
    (tmp_path / "labels.json").write_text(f'{{"Na": 0, "P1": {nested(depth)}}}')
    with pytest.raises(LabelError):
        read_columns(tmp_path / "labels.json")
