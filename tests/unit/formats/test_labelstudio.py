from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.formats.conftest import Failure, Reading

from atlop.formats import detect

TEXT = "😀 Ada met\nRome."


def mention(id: str, start: int, end: int, labels: list[str] | None, text: str | None) -> dict[str, Any]:
    value = {"start": start, "end": end, "labels": labels, "text": text}
    return {"id": id, "type": "labels", "from_name": "label", "to_name": "text", "value": value}


ADA, ROME = mention("a", 3, 6, ["PER"], "Ada"), mention("b", 11, 15, ["LOC"], "Rome")


def relation(**changes: Any) -> dict[str, Any]:
    stored = {"from_id": "a", "to_id": "b", "type": "relation", "direction": "right", "labels": ["saw"], **changes}
    return {key: value for key, value in stored.items() if value is not None}


def tasks(*results: dict[str, Any], data: Any = None, annotations: Any = None) -> str:
    annotations = [{"result": [*results]}] if annotations is None else annotations
    return json.dumps([{"id": 7, "annotations": annotations, "predictions": [], "data": data or {"text": TEXT}}])


def names(reading: Reading, content: str) -> list[str]:
    return [entity.name for entity in reading(content)[0].entities]


def facts(reading: Reading, content: str) -> list[tuple[int, int, str]]:
    return [relation.fact for relation in reading(content)[0].relations]


def test_offsets_of_a_browser_and_of_python_are_read(reading: Reading) -> None:
    assert names(reading, tasks(ADA, ROME)) == ["Ada", "Rome"]
    assert names(reading, tasks(mention("a", 2, 5, ["PER"], "Ada"))) == ["Ada"]
    assert names(reading, tasks(mention("a", 3, 6, ["PER"], None))) == ["Ada"]
    assert names(reading, tasks(mention("a", 7, 15, ["PER"], "met\\nRome"))) == ["met\nRome"]


@pytest.mark.parametrize(
    ("direction", "expected"),
    [("right", [(0, 1, "saw")]), ("left", [(1, 0, "saw")]), ("bi", [(0, 1, "saw"), (1, 0, "saw")])],
)
def test_relations_have_a_direction(reading: Reading, direction: str, expected: list[tuple[int, int, str]]) -> None:
    assert facts(reading, tasks(relation(direction=direction), ADA, ROME)) == expected


def test_a_relation_may_have_several_labels(reading: Reading) -> None:
    assert facts(reading, tasks(ADA, ROME, relation(labels=["saw", "left"]))) == [(0, 1, "saw"), (0, 1, "left")]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ([{"result": [ADA], "was_cancelled": True}, {"result": [ROME]}], ["Rome"]),
        ([{"result": [ADA]}, {"result": [ROME], "ground_truth": True}], ["Rome"]),
        ([{"result": [ADA], "ground_truth": True}, {"result": [ROME], "ground_truth": True}], ["Ada"]),
        ([{"result": [ADA]}, {"result": [ROME]}], ["Ada"]),
    ],
)
def test_one_annotation_counts(reading: Reading, annotations: Any, expected: list[str]) -> None:
    assert names(reading, tasks(annotations=annotations)) == expected


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            tasks(ADA, ROME, relation(direction=None)),
            "1 relation without a direction: read from the first mention to the second",
        ),
        (tasks(ADA, ROME, relation(labels=None)), "1 relation without a label: left out"),
        (tasks(ADA, ROME, relation(labels=[])), "1 relation without a label: left out"),
        (tasks(mention("a", 3, 6, None, "Ada")), "1 mention without a label: left out, relations included"),
        (tasks(mention("a", 3, 6, ["PER", "ORG"], "Ada")), "1 mention with several labels: the first is its type"),
        (tasks(annotations=[]), "1 task without an annotation: read as a document without entities"),
        (tasks(annotations=[{"result": []}] * 3), "1 task with 3 annotations: the first of them is read"),
    ],
)
def test_what_is_left_open_is_told(reading: Reading, content: str, told: str, caplog: pytest.LogCaptureFixture) -> None:
    reading(content)
    assert caplog.messages == [f"document '7': {told}"]


def test_the_only_string_is_the_text(reading: Reading) -> None:
    (document,) = reading(tasks(data={"body": TEXT, "number": 3}))
    assert document.text == TEXT


@pytest.mark.parametrize(
    ("data", "title"), [({"title": "Ada", "id": 9}, "Ada"), ({"id": 9}, "9"), ({"id": None}, "7"), ({}, "7")]
)
def test_the_title_is_that_of_the_data_or_an_id(reading: Reading, data: dict[str, Any], title: str) -> None:
    assert reading(tasks(data={**data, "text": TEXT}))[0].title == title


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tasks(data={"a": "b", "c": "d"}), "data: got 2 strings, expected one with the key text, or only one"),
        (
            tasks(mention("a", 4, 7, ["PER"], "Ada")),
            "annotations[0].result[0].value: got 'Ada' at 4 to 7, where the text reads 'da ', expected the same",
        ),
        (
            tasks(mention("a", 4, 99, ["PER"], None)),
            "annotations[0].result[0].value: got the mention 3 to 99 of a text of 15 characters, "
            "expected one inside it that is not blank",
        ),
        (
            tasks(ADA, ROME, relation(direction="up")),
            "annotations[0].result[2].direction: got 'up' (str), expected one of right, left, bi",
        ),
        (
            tasks(ADA, ROME, relation(direction=["right"])),
            "annotations[0].result[2].direction: got ['right'] (list), expected one of right, left, bi",
        ),
        (
            tasks(ADA, relation()),
            "annotations[0].result[1]: got the mention 'b' (str), expected one that is marked",
        ),
        (
            tasks(data={"text": "\ud83d"}),
            "data.text: got '\\ud83d' (str), expected characters that UTF-8 can encode, unlike a lone surrogate",
        ),
    ],
)
def test_what_is_wrong_is_named(failure: Failure, content: str, message: str) -> None:
    assert failure(content) == f"file: document '7': {message}"


def test_the_export_is_told_from_docred_by_its_keys(tmp_path: Any) -> None:
    path = tmp_path / "file"
    for content, form in {
        tasks(data={"text": "a" * 100_000}): "labelstudio",
        '[{"id": 1, "data": {"text": "' + '\\"' * 50_000 + '"}, "annotations": []}]': "docred",
        '[{"title": "annotations", "sents": [], "vertexSet": []}]': "docred",
        '[{"sents": [], "annotations": []}]': "docred",
        '[{"title": "a", "h_idx": 0, "t_idx": 0, "r": "annotations"}]': "leaderboard",
        "[]": "docred",
    }.items():
        path.write_text(content)
        assert detect(path) == form
