from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from atlop import errors
from atlop.errors import AtlopError, ConfigError, DataError, MissingExtraError, got, reason


def test_the_tree_is_the_one_that_is_drawn() -> None:
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AtlopError)]
    assert all(kind is AtlopError or kind.__base__ is AtlopError for kind in classes)
    assert {kind.__name__ for kind in classes} == {
        line.split()[-1] if "──" not in line else line.split("── ")[1].split()[0]
        for line in (errors.__doc__ or "").splitlines()
        if "Error" in line and line.startswith("    ")
    }


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({}, "got nothing"),
        ({"field": "title"}, "title: got nothing"),
        ({"document": "A" * 99}, f"document '{'A' * 96}...: got nothing"),
        ({"document": "Ada", "field": "title"}, "document 'Ada': title: got nothing"),
        ({"file": "a.json", "document": "Ada", "field": "title"}, "a.json: document 'Ada': title: got nothing"),
    ],
)
def test_a_message_begins_with_the_place(place: dict[str, str], message: str) -> None:
    assert str(DataError("got nothing", **place)) == message


def test_the_file_is_added_on_the_way_up() -> None:
    error = DataError("got nothing", field="title").inside(document="#3").inside(file="a.json", document="other")
    assert (error.problem, error.document, error.field, error.file) == ("got nothing", "#3", "title", "a.json")
    assert str(error.inside(file="b.json")) == "a.json: document '#3': title: got nothing"


def test_one_mistake_is_counted_as_one() -> None:
    assert str(ConfigError(["epochs: got 0"])) == "configuration: 1 mistake\n  - epochs: got 0"


def test_all_mistakes_are_reported() -> None:
    error = ConfigError(["epochs: got 0", "seed: got -1"], source="run.yaml")
    assert str(error) == "run.yaml: 2 mistakes\n  - epochs: got 0\n  - seed: got -1"
    assert error.mistakes == ("epochs: got 0", "seed: got -1")


def test_a_missing_extra_says_what_to_install() -> None:
    expected = "plots needs packages that are not installed: pip install 'atlop[plots]'"
    assert str(MissingExtraError("plots", extra="plots")) == expected


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (5, "5 (int)"),
        ("5", "'5' (str)"),
        (None, "None (NoneType)"),
        ("a" * 58, f"'{'a' * 58}' (str)"),
        ("a" * 59, f"'{'a' * 56}... (str)"),
    ],
)
def test_a_wrong_value_is_shown_with_its_type_and_cut_short(value: object, shown: str) -> None:
    assert got(value) == shown


def test_a_value_that_cannot_be_shown_is_named() -> None:
    nested: list[Any] = []
    for _ in range(10_000):
        nested = [nested]
    assert got(nested) == "<too large to show> (list)"
    assert got(16**5000) == "<too large to show> (int)"


def decoding_error() -> Exception:
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads("[1,")
    return caught.value


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FileNotFoundError(2, "No such file or directory", "/some/where"), "No such file or directory"),
        (OSError("two\n  lines"), "two lines"),
        (decoding_error(), "Expecting value: line 1 column 4 (char 3)"),
        (KeyError("model_type"), "no key 'model_type'"),
        (EOFError(), "EOFError"),
    ],
)
def test_a_reason_is_one_line(error: Exception, told: str) -> None:
    assert reason(error) == told


@pytest.mark.parametrize(
    "error",
    [
        AtlopError("got nothing"),
        DataError("got nothing", document="Ada", field="title", file="a.json"),
        ConfigError(["epochs: got 0", "seed: got -1"], source="run.yaml"),
        MissingExtraError("plots", extra="plots"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickling(error: AtlopError, protocol: int) -> None:
    for found in (pickle.loads(pickle.dumps(error, protocol)), copy.deepcopy(error)):
        assert (type(found), str(found), vars(found)) == (type(error), str(error), vars(error))
