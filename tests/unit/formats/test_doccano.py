from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.formats.conftest import Failure, Reading

from atlop.formats import Lifting, detect, read

TEXT = "😀 Ada met Rome."
ADA = {"id": 1, "label": "PER", "start_offset": 2, "end_offset": 5}
ROME = {"id": 2, "label": "LOC", "start_offset": 10, "end_offset": 14}


def line(**changes: Any) -> str:
    stored = {"id": 7, "text": TEXT, "entities": [ADA, ROME], "relations": [], "Comments": [], **changes}
    return json.dumps({key: value for key, value in stored.items() if value is not None})


def test_entities_and_relations_are_read(reading: Reading) -> None:
    (document,) = reading(line(relations=[{"id": 1, "from_id": 2, "to_id": 1, "type": "of"}]))
    assert document.title == "7"
    assert document.text == TEXT
    assert [(entity.name, entity.type) for entity in document.entities] == [("Ada", "PER"), ("Rome", "LOC")]
    assert [relation.fact for relation in document.relations] == [(1, 0, "of")]


@pytest.mark.parametrize("key", ["label", "labels"])
def test_projects_without_relations_are_read(reading: Reading, key: str) -> None:
    (document,) = reading(line(**{"entities": None, "relations": None, key: [[2, 5, "PER"], [10, 14, "LOC"]]}))
    assert [entity.name for entity in document.entities] == ["Ada", "Rome"]


def test_a_text_without_annotations_and_without_an_id_is_read(reading: Reading) -> None:
    (document,) = reading('{"text": "Ada"}')
    assert (document.title, document.entities) == ("line 1", ())


def test_an_uploaded_title_comes_first(reading: Reading) -> None:
    assert reading(line(title="Ada"))[0].title == "Ada"


def test_the_lifting_is_passed_on(tmp_path: Any) -> None:
    path = tmp_path / "doccano.jsonl"
    path.write_text(line(text="你好。再见。", entities=[]))
    assert [len(read(path, lifting=Lifting(language=code))[0].sentences) for code in ("en", "zh")] == [1, 2]


def test_what_has_no_label_is_told(reading: Reading, caplog: pytest.LogCaptureFixture) -> None:
    relations = [{"id": 1, "from_id": 2, "to_id": 1}, {"id": 2, "from_id": 3, "to_id": 1, "type": "of"}]
    nobody = {"id": 3, "label": None, "start_offset": 6, "end_offset": 9}
    (document,) = reading(line(entities=[ADA, ROME, nobody], relations=relations))
    assert (len(document.entities), document.relations) == (2, ())
    assert caplog.messages == [
        "document '7': 1 mention without a label: left out, relations included; 1 relation without a label: left out"
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": 3}, "text: got 3 (int), expected a string"),
        ({"entities": 3}, "entities: got 3 (int), expected a list"),
        (
            {"entities": [{**ADA, "end_offset": 99}]},
            "entities[0]: got the mention 2 to 99 of a text of 15 characters, expected one inside it that is not blank",
        ),
        (
            {"entities": [{**ADA, "start_offset": -1}]},
            "entities[0].start_offset: got -1 (int), expected a non-negative integer",
        ),
        ({"entities": [ADA, ADA]}, "entities[1]: got the mention 1 (int) again, expected each once"),
        (
            {"relations": [{"from_id": 1, "to_id": 5, "type": "of"}]},
            "relations[0]: got the mention 5 (int), expected one that is marked",
        ),
        (
            {"relations": [{"from_id": {}, "to_id": 1, "type": "of"}]},
            "relations[0]: got the mention {} (dict), expected a string or an integer to identify it",
        ),
        ({"label": [[2, 5]]}, "label[0]: got [2, 5] (list), expected [start, end, label]"),
        (
            {"text": "Ada \ud83d"},
            "text: got 'Ada \\ud83d' (str), expected characters that UTF-8 can encode, unlike a lone surrogate",
        ),
    ],
)
def test_what_is_wrong_is_named(failure: Failure, changes: dict[str, Any], message: str) -> None:
    assert failure(line(**changes)) == f"file: document '7': {message}"


def test_doccano_is_told_from_the_own_format_by_its_keys(tmp_path: Any) -> None:
    path = tmp_path / "file"
    for content, form in {
        line(): "doccano",
        '{"id": 1, "text": "' + "a " * 60_000 + '", "label": []}': "doccano",
        '{"text": "a \\"sentences\\": [", "meta": {"sentences": 1}}': "doccano",
        '{"title": "a", "sentences": [], "entities": []}': "jsonl",
        '{"text": "a", "offsets": [[0]], "title": "a", "sentences": [["a"]]}': "jsonl",
        '{"text": "' + "a " * 60_000 + '", "offsets": [], "title": "a", "sentences": []}\n': "jsonl",
        '{"title": "a"}': "jsonl",
    }.items():
        path.write_text(content)
        assert detect(path) == form
