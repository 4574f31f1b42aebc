from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atlop.cli.files import input_files, read_all, total_size
from atlop.documents import Document
from atlop.errors import DataError
from atlop.formats import write

STDIN = Path("-")


def no_report(error: DataError) -> None:
    raise error


def titles(files: list[Path]) -> list[str]:
    return [document.title for document, _ in read_all(files, form=None, on_error="raise", report=no_report)]


@pytest.fixture
def standard_input() -> Iterator[Callable[[int], None]]:
    """Put an open file in place of the standard input."""
    before = os.dup(0)
    yield lambda file: os.dup2(file, 0) and None
    os.dup2(before, 0)
    os.close(before)


def test_a_folder_stands_for_its_files_of_documents(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    expected = ["a.json", "b.jsonl", "c.DATA", "d.txt", "e.pubtator"]
    for name in (*reversed(expected), "notes.md", "result.zip", ".hidden.json", "plain"):
        (folder / name).touch()
    (folder / "inner.json").mkdir()
    (tmp_path / "z.md").touch()
    files = input_files([tmp_path / "z.md", folder, STDIN])
    assert files == [tmp_path / "z.md", *(folder / name for name in expected), STDIN]


def test_a_folder_without_documents_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.md").touch()
    with pytest.raises(DataError) as caught:
        input_files([tmp_path])
    assert str(caught.value) == (
        f"{tmp_path}: got a folder without a file of documents, "
        "expected at least one whose name ends in .data, .json, .jsonl, .pubtator, .txt"
    )


def test_a_missing_file_is_told_before_any_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    with pytest.raises(DataError) as caught:
        input_files([tmp_path / "a.jsonl", tmp_path / "none"])
    assert str(caught.value) == f"{tmp_path / 'none'}: cannot be read: No such file or directory"


def test_documents_come_with_the_bytes_that_were_read(tmp_path: Path) -> None:
    files = [tmp_path / "one.jsonl", tmp_path / "two.json"]
    write([Document("a", (("x" * 1000,),))] * 500, files[0])
    write([Document("b", ())], files[1])
    sizes = [file.stat().st_size for file in files]
    assert total_size(files) == sum(sizes)
    places = [place for _, place in read_all(files, form=None, on_error="raise", report=no_report)]
    assert places == sorted(places)
    assert 0 < places[0] < sizes[0] / 2
    assert (places[499], places[500]) == (sizes[0], sum(sizes))


@pytest.mark.parametrize("others", [[], ["a.jsonl"]])
def test_the_size_of_a_pipe_is_not_known(tmp_path: Path, others: list[str]) -> None:
    files = [tmp_path / name for name in others]
    for file in files:
        file.touch()
    assert total_size([*files, STDIN]) is None


def test_the_standard_input_may_be_a_pipe(standard_input: Callable[[int], None], tmp_path: Path) -> None:
    write([Document("b", ())], tmp_path / "b.json")
    reading, writing = os.pipe()
    os.write(writing, b'{"title": "a", "sentences": [], "entities": []}\n')
    os.close(writing)
    standard_input(reading)
    assert titles([STDIN, tmp_path / "b.json"]) == ["a", "b"]
    os.close(reading)
    os.fstat(0)  # still open


def test_the_standard_input_may_be_a_file(standard_input: Callable[[int], None], tmp_path: Path) -> None:
    write([Document("a", ()), Document("b", ())], tmp_path / "file.json")
    with (tmp_path / "file.json").open("rb") as file:
        standard_input(file.fileno())
    assert titles([STDIN]) == ["a", "b"]


def test_what_is_wrong_with_the_standard_input_is_told(standard_input: Callable[[int], None], tmp_path: Path) -> None:
    (tmp_path / "file").write_text('[{"title": "a"}]')
    with (tmp_path / "file").open("rb") as file:
        standard_input(file.fileno())
    with pytest.raises(DataError) as caught:
        titles([STDIN])
    reason = "sents: got no such key, expected one; the keys here are 'title'"
    assert str(caught.value) == f"standard input: document 'a': {reason}"


def test_a_file_that_is_gone_when_its_turn_comes_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    files = input_files([tmp_path])
    files[0].unlink()
    with pytest.raises(DataError) as caught:
        titles(files)
    assert str(caught.value) == f"{files[0]}: cannot be read: No such file or directory"
