from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlop.documents import Document
from atlop.errors import DataError
from atlop.formats import READABLE, WRITABLE, encode, read, stream, stream_file, write

BARE = Document("a", (("b", "c"),))
CONTENTS = {
    "docred": '\n [{"title": "a", "sents": [["b", "c"]], "vertexSet": []}]',
    "jsonl": '{"title": "a", "sentences": [["b", "c"]], "entities": []}\n',
    "pubtator": "a|t|b c\na|a|\n",
    "data": "a\tb c\n",
}
EXPECTED = {
    "docred": BARE,
    "jsonl": BARE,
    "pubtator": Document("a", (("b", "c"),), text="b c ", offsets=((0, 2),)),
    "data": Document("a", (("b", "c"),), candidates=()),
}
GOOD_BAD_GOOD = {
    "docred": '[{"title": "a", "sents": [], "vertexSet": []}, {}, {"title": "c", "sents": [], "vertexSet": []}]',
    "jsonl": '{"title": "a", "sentences": [], "entities": []}\n'
    '{"title\n'
    '{"title": "c", "sentences": [], "entities": []}',
    "pubtator": "a|t|b\na|a|c\n\nb|t|c\nb|b|\n\nc|t|b\nc|a|c\n",
    "data": "a\tb c\nb\tc\td\nc\tb c\n",
}
LEFT_OUT = {
    "docred": "document '#1': title: got no such key, expected one; the keys here are none",
    "jsonl": "document 'line 2': got broken JSON at line 2, column 2 (Unterminated string starting at), "
    "expected a whole JSON text; is the file cut short?",
    "pubtator": "document 'b': line 5: got 'b|b|', expected the abstract line 'id|a|text'",
    "data": "document 'b': got 3 columns, expected 2 and then 17 for each pair",
}


@pytest.mark.parametrize("form", READABLE)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_content_tells_the_form(tmp_path: Path, form: str, mark: bytes) -> None:
    (tmp_path / "file.any").write_bytes(mark + CONTENTS[form].encode())
    assert read(tmp_path / "file.any") == read(tmp_path / "file.any", form=form) == [EXPECTED[form]]


@pytest.mark.parametrize("form", READABLE)
def test_the_content_of_a_pipe_tells_its_form(form: str) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file:
        file.write(CONTENTS[form].encode())
    with os.fdopen(reading, "rb") as file:
        assert list(stream_file(file, name="pipe")) == [EXPECTED[form]]


@pytest.mark.parametrize("form", READABLE)
def test_what_is_wrong_with_an_open_file_is_told_under_its_name(form: str) -> None:
    errors = list[DataError]()
    file = io.BytesIO(GOOD_BAD_GOOD[form].encode())
    assert len(list(stream_file(file, name="pipe", on_error="skip", report=errors.append))) == 2
    assert [str(error) for error in errors] == [f"pipe: {LEFT_OUT[form]}"]
    with pytest.raises(DataError) as caught:
        list(stream_file(io.BytesIO(b" "), name="pipe"))
    assert str(caught.value) == "pipe: got an empty file, expected at least one document"


@pytest.mark.parametrize("form", ["docred", "jsonl"])
def test_a_file_is_read_while_its_documents_are_taken(tmp_path: Path, form: str) -> None:
    """Of 2 MB, the first document takes no more than what tells the form and a block or two."""
    write([Document("a", (("b" * 2000,),))] * 1000, tmp_path / "file", form=form)
    with (tmp_path / "file").open("rb") as file:
        next(stream_file(file, name="file"))
        assert file.tell() <= 500_000


@pytest.mark.parametrize("form", READABLE)
def test_a_malformed_document_stops_the_reading(tmp_path: Path, form: str) -> None:
    path = tmp_path / "file"
    path.write_text(GOOD_BAD_GOOD[form])
    documents = stream(path)
    assert next(documents).title == "a"
    with pytest.raises(DataError) as caught:
        next(documents)
    assert str(caught.value) == f"{path}: {LEFT_OUT[form]}"


@pytest.mark.parametrize("form", READABLE)
def test_a_malformed_document_is_skipped_and_reported(tmp_path: Path, form: str) -> None:
    path, errors = tmp_path / "file", list[DataError]()
    path.write_text(GOOD_BAD_GOOD[form])
    assert [document.title for document in read(path, on_error="skip", report=errors.append)] == ["a", "c"]
    assert [str(error) for error in errors] == [f"{path}: {LEFT_OUT[form]}"]


def test_what_is_skipped_unreported_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(GOOD_BAD_GOOD["data"])
    with pytest.warns(UserWarning) as caught:
        read(path, on_error="skip")
    assert [str(warning.message) for warning in caught] == [f"left out: {path}: {LEFT_OUT['data']}"]
    assert caught[0].filename == __file__


def test_nothing_malformed_gives_no_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(CONTENTS["data"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(tmp_path / "file", on_error="skip") == [EXPECTED["data"]]


UNREADABLE = {
    "empty": (b"", None, "got an empty file, expected at least one document"),
    "blank": (b"\xef\xbb\xbf \r\n", "jsonl", "got an empty file, expected at least one document"),
    "unknown": (
        b"hello",
        None,
        "got a file of unknown form that begins with b'hello' (bytes), expected '[' (docred), '{' (jsonl), "
        "'id|t|' (pubtator) or columns split by tabs (data)",
    ),
    "unknown form": (b"hello", "xml", "got the form 'xml', expected one of docred, jsonl, pubtator, data"),
    "leaderboard": (
        b"[]",
        "leaderboard",
        "got facts in leaderboard form, expected documents; read them with read_submission() "
        "and join them to their documents with attach()",
    ),
    "zip": (
        b"PK\x03\x04",
        None,
        "got facts in leaderboard form, expected documents; read them with read_submission() "
        "and join them to their documents with attach()",
    ),
}


@pytest.mark.parametrize(("content", "form", "message"), UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_a_file_of_no_known_form_is_told(
    tmp_path: Path, content: bytes, form: str | None, message: str, on_error: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(path, form=form, on_error=on_error)  # type: ignore[arg-type]
    assert str(caught.value) == f"{path}: {message}"


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path / "none")
    assert str(caught.value) == f"{tmp_path / 'none'}: cannot be read: No such file or directory"
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert str(caught.value) == f"{tmp_path}: cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.json", "docred"),
        ("a.jsonl", "jsonl"),
        ("a.JSONL", "jsonl"),
        ("a.pubtator", "pubtator"),
        ("a.txt", "pubtator"),
        ("a.data", "data"),
    ],
)
def test_the_suffix_tells_the_form_to_write(tmp_path: Path, name: str, form: str) -> None:
    write([BARE], tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"".join(encode([BARE], form=form))


def test_every_form_is_written(tmp_path: Path) -> None:
    for form in WRITABLE:
        write([BARE], tmp_path / form, form=form)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(WRITABLE)


UNWRITABLE = {
    "unknown suffix": (
        "a.csv",
        None,
        "got a file name with the suffix '.csv', expected one of .data, .json, .jsonl, .pubtator, .txt, .zip, "
        "or the form to be given",
    ),
    "unknown form": (
        "a.json",
        "xml",
        "got the form 'xml', expected one of docred, jsonl, pubtator, data, leaderboard",
    ),
    "missing folder": ("none/a.json", None, "cannot be written: No such file or directory"),
    "a folder": ("folder.json", None, "cannot be written: Is a directory"),
}


@pytest.mark.parametrize(("name", "form", "message"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, name: str, form: str | None, message: str) -> None:
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(DataError) as caught:
        write([BARE], tmp_path / name, form=form)
    assert str(caught.value) == f"{tmp_path / name}: {message}"
    assert [path.name for path in tmp_path.iterdir()] == ["folder.json"]


def interrupted(error: BaseException) -> Iterator[Document]:
    yield BARE
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DataError("bad", document="b", file="input")])
@pytest.mark.parametrize("name", ["a.jsonl", "a.zip"])
def test_nothing_half_written_is_left(tmp_path: Path, error: BaseException, name: str) -> None:
    (tmp_path / name).write_text("as it was")
    with pytest.raises(type(error)) as caught:
        write(interrupted(error), tmp_path / name)
    assert str(caught.value) == str(error)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "as it was"}


def test_an_error_in_writing_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        write([Document("a\tb", ())], tmp_path / "a.data")
    assert str(caught.value) == (
        f"{tmp_path / 'a.data'}: document 'a\\tb': title: got 'a\\tb', expected no '\\t' in it, "
        "as that separates the fields of this form"
    )


def test_a_file_may_be_rewritten_from_itself(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(CONTENTS["jsonl"] * 3)
    write(stream(path), path, form="docred")
    assert read(path, form="docred") == [BARE] * 3


def test_a_link_keeps_pointing_at_its_file(tmp_path: Path) -> None:
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "target")
    write([BARE], tmp_path / "link.jsonl")
    assert (tmp_path / "link.jsonl").is_symlink()
    assert read(tmp_path / "target") == [BARE]


def test_a_device_is_written_to_and_not_replaced() -> None:
    write([BARE], "/dev/null", form="jsonl")
    assert Path("/dev/null").is_char_device()
