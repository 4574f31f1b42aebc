from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from atlop.cli.files import input_files, read_all, total_size
from atlop.documents import Document
from atlop.errors import AtlopError, DataError
from atlop.formats import write

STDIN = Path("-")


LINE = '{"title": "a", "sentences": [], "entities": []}\n'


def checked(*inputs: Path, form: str | None = None, output: Path | None = None) -> list[Path]:
    return input_files(inputs, form=form, output=output)


def refused(*inputs: Path, **options: Any) -> str:
    """Return why inputs are refused."""
    with pytest.raises(AtlopError) as caught:
        checked(*inputs, **options)
    return str(caught.value)


def titles(files: list[Path]) -> list[str]:
    return [document.title for document, _ in read_all(files, form=None, on_error="raise")]


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
        (folder / name).write_text(LINE)
    (folder / "inner.json").mkdir()
    (tmp_path / "z.md").write_text(LINE)
    files = checked(tmp_path / "z.md", folder, STDIN)
    assert files == [tmp_path / "z.md", *(folder / name for name in expected), STDIN]


def test_texts_beside_their_annotations_are_no_documents_of_their_own(tmp_path: Path) -> None:
    for name in ("a.txt", "a.ann", "b.txt", "c.ANN", "c.txt"):
        (tmp_path / name).write_text("" if name.lower().endswith(".ann") else "1|t|b\n1|a|c\n")
    assert checked(tmp_path) == [tmp_path / "a.ann", tmp_path / "b.txt", tmp_path / "c.ANN"]
    rows = read_all(checked(tmp_path), form=None, on_error="raise")
    assert [document.title for document, _ in rows] == ["a", "1", "c"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with one file of each kind that can be refused."""
    (tmp_path / "empty").mkdir()
    contents = {"a.jsonl": LINE, "plain.txt": "Kant was born in 1724.", "blank.json": " \n", "result.zip": "PK\x03\x04"}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "link.jsonl").symlink_to("a.jsonl")
    (tmp_path / "loop.json").symlink_to("loop.json")
    return tmp_path


BEGINNINGS = (
    "documents with marked entities: docred or labelstudio ('['), jsonl or doccano ('{'), pubtator ('id|t|'), "
    "brat ('T1' and a tab) or data (columns separated by tabs); plain text has no marked entities, "
    "atlop extract finds them"
)
REFUSED = {
    "nothing": (["none.json"], "none.json: cannot be read: No such file or directory"),
    "a loop": (["loop.json"], "loop.json: cannot be read: Too many levels of symbolic links"),
    "a long name": ([f"{'x' * 300}.json"], f"{'x' * 300}.json: cannot be read: File name too long"),
    "a NUL": (["a\0b.json"], "a\0b.json: cannot be read: the name contains a NUL"),
    "a file as a folder": (["a.jsonl/b.json"], "a.jsonl/b.json: cannot be read: Not a directory"),
    "no documents": (
        ["empty"],
        "empty: got a folder without a file of documents, "
        "expected at least one whose name ends in .ann, .data, .json, .jsonl, .pubtator, .txt",
    ),
    "an empty file": (["blank.json"], "blank.json: got an empty file, expected at least one document"),
    "plain text": (
        ["a.jsonl", "plain.txt"],
        "plain.txt: got an unknown file format that begins with b'Kant was born in 1724.' (bytes), "
        f"expected {BEGINNINGS}",
    ),
    "a submission": (
        ["result.zip"],
        "result.zip: got facts in leaderboard format, expected documents; read them with read_submission() "
        "and join them to their documents with attach()",
    ),
    "a file twice": (["a.jsonl", "link.jsonl"], "a.jsonl: is named 2 times among the inputs, expected once"),
    "the standard input twice": (["-", "-"], "standard input: is named 2 times among the inputs, expected once"),
}


@pytest.mark.parametrize(("names", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_with_an_input_is_known_before_it_is_read(
    place: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], problem: str
) -> None:
    monkeypatch.chdir(place)
    assert refused(*map(Path, names)) == problem


def test_a_folder_that_may_not_be_listed_is_an_error(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", deny)
    assert refused(place) == f"{place}: cannot be read: Permission denied"


def test_a_named_format_is_not_detected(place: Path) -> None:
    assert checked(place / "plain.txt", form="data") == [place / "plain.txt"]
    assert refused(place / "a.jsonl", form="xml") == (
        "--from: got 'xml', expected one of docred, jsonl, pubtator, data, labelstudio, doccano, brat"
    )


@pytest.mark.parametrize("name", ["out.jsonl", "a.jsonl", "out.TXT"])
def test_an_output_that_the_next_run_would_read_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.jsonl").write_text(LINE)
    problem = f"is in the input folder {str(tmp_path)!r}, from which the next run would read it"
    assert refused(tmp_path, output=tmp_path / name) == f"{tmp_path / name}: {problem}; write it somewhere else"


@pytest.mark.parametrize("name", ["out.zip", "inner/out.jsonl"])
def test_an_output_that_the_next_run_would_not_read_may_be_in_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.jsonl").write_text(LINE)
    (tmp_path / "inner").mkdir()
    assert checked(tmp_path, output=tmp_path / name) == [tmp_path / "a.jsonl"]


def test_the_output_may_be_a_named_input(place: Path) -> None:
    assert checked(place / "a.jsonl", output=place / "a.jsonl") == [place / "a.jsonl"]


def test_documents_come_with_the_bytes_that_were_read(tmp_path: Path) -> None:
    files = [tmp_path / "one.jsonl", tmp_path / "two.json"]
    write([Document("a", (("x" * 1000,),))] * 500, files[0])
    write([Document("b", ())], files[1])
    sizes = [file.stat().st_size for file in files]
    assert total_size(files) == sum(sizes)
    places = [place for _, place in read_all(files, form=None, on_error="raise")]
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
    (tmp_path / "a.jsonl").write_text(LINE)
    files = checked(tmp_path)
    files[0].unlink()
    with pytest.raises(DataError) as caught:
        titles(files)
    assert str(caught.value) == f"{files[0]}: cannot be read: No such file or directory"


def test_a_malformed_document_that_is_left_out_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"title": "b"}}\n{LINE}')
    found = list(read_all([tmp_path / "a.jsonl"], form=None, on_error="skip"))
    assert [document.title for document, _ in found] == ["a"]
    reason = "document 'b': sentences: got no such key, expected one; the keys here are 'title'"
    assert capsys.readouterr() == ("", f"atlop: left out: {tmp_path / 'a.jsonl'}: {reason}\n")


def test_a_closed_standard_input_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(DataError) as caught:
        titles([STDIN])
    assert str(caught.value) == "standard input: cannot be read: it is closed"
