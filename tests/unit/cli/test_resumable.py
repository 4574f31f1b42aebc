from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atlop.cli.resumable import ResumableOutput
from atlop.documents import Document
from atlop.errors import AtlopError, DataError

TITLES = ["first", "second", "third"]
LINES = [json.dumps({"title": title, "relations": []}).encode() + b"\n" for title in TITLES]
MADE_WITH = {"model": "/models/a", "precision": "fp32"}

Make = Callable[..., ResumableOutput]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Begin or go on with ``out.jsonl`` in the temporary folder."""

    def begin(**changes: str) -> ResumableOutput:
        return ResumableOutput(tmp_path / "out.jsonl", {**MADE_WITH, **changes})

    return begin


def rows(titles: list[str]) -> Iterator[tuple[Document, int]]:
    return iter([(Document(title, ()), place) for place, title in enumerate(titles)])


def interrupted(lines: list[bytes], error: BaseException | None = None) -> Iterator[bytes]:
    yield from lines
    raise error or KeyboardInterrupt


def stop_after(partial: ResumableOutput, count: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        partial.write(interrupted(LINES[:count]))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_ends_well_leaves_the_output_alone(make: Make, tmp_path: Path) -> None:
    partial = make()
    assert [document.title for document, _ in partial.rest(rows(TITLES))] == TITLES
    partial.write(LINES)
    assert (tmp_path / "out.jsonl").read_bytes() == b"".join(LINES)
    assert names(tmp_path) == ["out.jsonl"]


def test_no_documents_give_an_empty_output(make: Make, tmp_path: Path) -> None:
    make().write([])
    assert (tmp_path / "out.jsonl").read_bytes() == b""
    assert names(tmp_path) == ["out.jsonl"]


def test_what_stood_there_before_stays_until_the_last_is_written(make: Make, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("old")
    stop_after(make(), 2)
    assert (tmp_path / "out.jsonl").read_text() == "old"


def test_an_interruption_says_how_much_is_kept(make: Make) -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        make().write(interrupted(LINES[:2]))
    assert str(caught.value) == "documents kept: 2; the same command goes on with the next"


def test_every_line_is_kept_as_soon_as_it_comes(make: Make, tmp_path: Path) -> None:
    def lines() -> Iterator[bytes]:
        for number, line in enumerate(LINES):
            assert (tmp_path / "out.jsonl.partial" / "predictions.jsonl").read_bytes() == b"".join(LINES[:number])
            yield line

    make().write(lines())


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_second_run_goes_on_after_the_lines_that_are_kept(make: Make, tmp_path: Path, kept: int) -> None:
    stop_after(make(), kept)
    partial = make()
    assert partial.kept == kept
    assert [document.title for document, _ in partial.rest(rows(TITLES))] == TITLES[kept:]
    partial.write(LINES[kept:])
    assert (tmp_path / "out.jsonl").read_bytes() == b"".join(LINES)
    assert names(tmp_path) == ["out.jsonl"]


def test_what_an_error_stopped_is_kept_too(make: Make) -> None:
    error = DataError("bad")
    with pytest.raises(DataError) as caught:
        make().write(interrupted(LINES[:1], error))
    assert caught.value is error
    assert make().kept == 1


def test_where_nothing_was_predicted_nothing_is_left(make: Make, tmp_path: Path) -> None:
    stop_after(make(), 0)
    assert names(tmp_path) == []


@pytest.mark.parametrize("cut", [1, len(LINES[1]) - 1])
def test_a_line_that_a_killed_run_cut_short_is_made_anew(make: Make, tmp_path: Path, cut: int) -> None:
    stop_after(make(), 1)
    lines = tmp_path / "out.jsonl.partial" / "predictions.jsonl"
    lines.write_bytes(LINES[0] + LINES[1][:cut])
    assert make().kept == 1
    assert lines.read_bytes() == LINES[0]


OTHERWISE = {
    "another document": (["first", "other"], "document 2 is 'second', the input has 'other' there"),
    "fewer documents": (["first"], "document 2 is 'second', the input has ended before it"),
}


@pytest.mark.parametrize(("titles", "problem"), OTHERWISE.values(), ids=OTHERWISE)
def test_another_input_is_refused(make: Make, tmp_path: Path, titles: list[str], problem: str) -> None:
    stop_after(make(), 2)
    with pytest.raises(AtlopError) as caught:
        list(make().rest(rows(titles)))
    folder = tmp_path / "out.jsonl.partial"
    assert str(caught.value) == f"--resume: {folder}: {problem}; remove the folder to start anew"


def test_another_model_is_refused(make: Make, tmp_path: Path) -> None:
    stop_after(make(), 2)
    with pytest.raises(AtlopError) as caught:
        make(model="/models/b")
    problem = "model: got '/models/b', what is kept was predicted with '/models/a'"
    assert (
        str(caught.value) == f"--resume: {tmp_path / 'out.jsonl.partial'}: {problem}; remove the folder to start anew"
    )


@pytest.mark.parametrize("content", [None, "", "[]", '{"precision": "fp32"}'])
def test_lines_of_an_unknown_model_are_refused(make: Make, tmp_path: Path, content: str | None) -> None:
    stop_after(make(), 2)
    settings = tmp_path / "out.jsonl.partial" / "run.json"
    settings.unlink()
    if content is not None:
        settings.write_text(content)
    with pytest.raises(AtlopError, match="model: got '/models/a', what is kept was predicted with None"):
        make()


def test_a_run_that_predicted_nothing_binds_no_other(make: Make, tmp_path: Path) -> None:
    make()  # killed before the first document
    make(model="/models/b").write(LINES)
    assert names(tmp_path) == ["out.jsonl"]


def test_a_line_that_is_no_document_is_told(make: Make, tmp_path: Path) -> None:
    stop_after(make(), 2)
    lines = tmp_path / "out.jsonl.partial" / "predictions.jsonl"
    lines.write_bytes(LINES[0] + b"{}\n")
    with pytest.raises(DataError) as caught:
        list(make().rest(rows(TITLES)))
    assert str(caught.value) == f"{lines}: title: got no such key, expected one; the keys here are none"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        ResumableOutput(tmp_path / "none" / "out.jsonl", MADE_WITH)
    folder = tmp_path / "none" / "out.jsonl.partial"
    assert str(caught.value) == f"{folder}: cannot be written: No such file or directory"
