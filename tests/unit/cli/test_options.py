from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from atlop import backends, formats
from atlop.cli import options
from atlop.errors import AtlopError
from atlop.folder import BUNDLED
from atlop.knowledge import FORMS


def problem(function: Any, *arguments: Any) -> str:
    with pytest.raises(AtlopError) as caught:
        function(*arguments)
    return str(caught.value)


def test_the_lists_are_those_of_the_library() -> None:
    assert (options.READABLE, options.WRITABLE) == (formats.READABLE, formats.WRITABLE)
    assert tuple(FORMS) == options.GRAPHS
    assert options.PRECISIONS == backends.PRECISIONS


TARGETS = {
    "jsonl": (None, "x.jsonl"),
    "docred": (None, "x.json"),
    "leaderboard": (None, "x.ZIP"),
    "pubtator": (None, "x.txt"),
    "data": (None, "x.Data"),
    "table": ("table", "x.csv"),
}


@pytest.mark.parametrize(("form", "given"), TARGETS.items(), ids=TARGETS)
def test_the_format_is_that_of_to_or_else_of_the_suffix(form: str, given: tuple[str | None, str]) -> None:
    to, name = given
    assert options.output_format(to, Path(name), options.PREDICTION) == form


@pytest.mark.parametrize("output", [None, Path(os.devnull)])
def test_what_has_no_suffix_gets_jsonl(output: Path | None) -> None:
    assert options.output_format(None, output, options.PREDICTION) == "jsonl"


@pytest.mark.parametrize("name", ["x.csv", "x.html", "x", "x.jsonl.gz"])
def test_another_suffix_is_refused(name: str) -> None:
    suffixes = ".data, .json, .jsonl, .pubtator, .txt, .zip"
    expected = f"a name that ends in one of {suffixes}, or a format named with --to"
    assert problem(options.output_format, None, Path(name), options.WRITABLE) == (
        f"--output: got {name!r}, expected {expected}"
    )


def test_a_format_that_a_command_does_not_write_is_refused() -> None:
    assert problem(options.output_format, "table", None, options.WRITABLE) == (
        "--to: got 'table', expected one of docred, jsonl, pubtator, data, leaderboard"
    )


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan"), float("inf")])
def test_a_number_out_of_range_is_refused(value: float) -> None:
    assert problem(options.fraction, "--min-confidence", value) == (
        f"--min-confidence: got {value}, expected a number from 0 to 1"
    )


@pytest.mark.parametrize("value", [0.0, 0.75, 1.0])
def test_a_number_in_range_is_returned(value: float) -> None:
    assert options.fraction("--min-confidence", value) == value


def test_a_model_is_a_folder_or_the_bundled_one(tmp_path: Path) -> None:
    assert options.model_folder(None, None) == BUNDLED
    assert options.model_folder(str(tmp_path), None) == tmp_path


def test_a_revision_goes_to_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atlop.folder.find_folder", lambda name, revision: Path(f"{name}@{revision}"))
    assert options.model_folder("org/name", "v1") == Path("org/name@v1")


@pytest.mark.parametrize("name", [None, "."])
def test_a_revision_of_a_model_on_this_machine_is_refused(name: str | None) -> None:
    place = "the bundled model" if name is None else "'.', which is on this machine"
    expected = f"--revision: got 'v1' for {place}; only models on the hub have revisions"
    assert problem(options.model_folder, name, "v1") == expected


UNWRITABLE = {
    "a folder": (".", ".: cannot be written: Is a directory"),
    "a missing folder": ("none/x.json", "none/x.json: cannot be written: No such file or directory"),
    "a file as a folder": ("a/x.json", "a/x.json: cannot be written: Not a directory"),
    "a long name": ("x" * 300, f"{'x' * 300}: cannot be written: File name too long"),
    "a NUL": ("a\0b", "a\0b: cannot be written: the name contains a NUL"),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a").write_text("old")
    return tmp_path


@pytest.mark.parametrize(("name", "expected"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_an_output_that_cannot_be_written_is_an_error(place: Path, name: str, expected: str) -> None:
    assert problem(options.check_writable, Path(name)) == expected
    assert [path.name for path in place.iterdir()] == ["a"]


def test_links_are_followed(place: Path) -> None:
    for name, target in {"loop": "loop", "lost": "none/x", "new": "b"}.items():
        Path(name).symlink_to(target)
    assert problem(options.check_writable, Path("loop")) == "loop: cannot be written: Too many levels of symbolic links"
    assert problem(options.check_writable, Path("lost")) == "lost: cannot be written: No such file or directory"
    options.check_writable(Path("new"))


def test_a_folder_that_may_not_be_written_is_an_error(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(**_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(options, "TemporaryFile", deny)
    assert problem(options.check_writable, Path("x.json")) == "x.json: cannot be written: Permission denied"


@pytest.mark.parametrize("name", ["a", "b", os.devnull])
def test_a_check_leaves_everything_as_it_was(place: Path, name: str) -> None:
    options.check_writable(Path(name))
    assert [path.read_text() for path in place.iterdir()] == ["old"]


def test_a_pipe_is_left_to_the_writer(place: Path) -> None:
    reading, writing = os.pipe()
    options.check_writable(Path(f"/dev/fd/{writing}"))
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("name", ["a", "."])
def test_a_model_needs_an_empty_folder(place: Path, name: str) -> None:
    options.check_empty(Path("new"))
    expected = f"{name}: already exists and is not an empty folder; choose another --output"
    assert problem(options.check_empty, Path(name)) == expected


def test_a_model_needs_a_place_for_its_folder(place: Path) -> None:
    options.check_empty(Path("new/model"))
    assert problem(options.check_empty, Path("a/model")) == "a/model: cannot be written: Not a directory"
    assert problem(options.check_empty, Path("a\0b")) == "a\0b: cannot be written: the name contains a NUL"
