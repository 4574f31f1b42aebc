from __future__ import annotations

import dataclasses
import io
import os
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import DataError
from atlop.formats import (
    READABLE,
    WRITABLE,
    check_input,
    detect,
    encode,
    format_of_suffix,
    jsonl,
    read,
    read_predictions,
    read_submission,
    stream,
    stream_file,
    write,
)

RELATED = Document("a", (("b",),), (Entity((Mention(0, 0, 1, "PER", "b"),)),), (Relation(0, 0, "P1", (0,)),))
BARE = Document("a", (("b", "c"),))
CONTENTS = {
    "docred": '\n [{"title": "a", "sents": [["b", "c"]], "vertexSet": []}]',
    "jsonl": '{"title": "a", "sentences": [["b", "c"]], "entities": []}\n',
    "pubtator": "a|t|b c\na|a|\n",
    "data": "a\tb c\n",
    "labelstudio": '[{"id": 1, "annotations": [{"result": []}], "data": {"title": "a", "text": "b c"}}]',
    "doccano": '{"id": "a", "text": "b c", "entities": [], "relations": []}\n',
}
STREAMED = tuple(CONTENTS)
"""The formats whose documents are in one file."""
EXPECTED = {
    "docred": BARE,
    "jsonl": BARE,
    "pubtator": Document("a", (("b", "c"),), text="b c ", offsets=((0, 2),)),
    "data": Document("a", (("b", "c"),), candidates=()),
    "labelstudio": Document("a", (("b", "c"),), text="b c", offsets=((0, 2),)),
    "doccano": Document("a", (("b", "c"),), text="b c", offsets=((0, 2),)),
}
GOOD_BAD_GOOD = {
    "docred": '[{"title": "a", "sents": [], "vertexSet": []}, {}, {"title": "c", "sents": [], "vertexSet": []}]',
    "jsonl": '{"title": "a", "sentences": [], "entities": []}\n'
    '{"title\n'
    '{"title": "c", "sentences": [], "entities": []}',
    "pubtator": "a|t|b\na|a|c\n\nb|t|c\nb|b|\n\nc|t|b\nc|a|c\n",
    "data": "a\tb c\nb\tc\td\nc\tb c\n",
    "labelstudio": '[{"id": "a", "annotations": [{"result": []}], "data": {"text": ""}}, {"id": "b", "data": {}}, '
    '{"id": "c", "annotations": [{"result": []}], "data": {"text": ""}}]',
    "doccano": '{"id": "a", "text": ""}\n{"id": "b"}\n{"id": "c", "text": ""}\n',
}
LEFT_OUT = {
    "docred": "document '#1': title: got no such key, expected one; the keys here are none",
    "jsonl": "document 'line 2': got invalid JSON at line 2, column 2 (Unterminated string starting at), "
    "expected a complete JSON value; is the file truncated?",
    "pubtator": "document 'b': line 5: got 'b|b|' (str), expected the abstract line 'id|a|text'",
    "data": "document 'b': got 3 columns, expected 2 and then 17 for each pair",
    "labelstudio": "document 'b': data: got 0 strings, expected one with the key text, or only one",
    "doccano": "document 'b': text: got no such key, expected one; the keys here are 'id'",
}


@pytest.mark.parametrize("form", STREAMED)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_content_determines_the_format(tmp_path: Path, form: str, mark: bytes) -> None:
    (tmp_path / "file.any").write_bytes(mark + CONTENTS[form].encode())
    assert read(tmp_path / "file.any") == read(tmp_path / "file.any", form=form) == [EXPECTED[form]]


@pytest.mark.parametrize("form", STREAMED)
def test_the_content_of_a_pipe_determines_its_format(form: str) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file:
        file.write(CONTENTS[form].encode())
    with os.fdopen(reading, "rb") as file:
        assert list(stream_file(file, name="pipe")) == [EXPECTED[form]]


@pytest.mark.parametrize("form", STREAMED)
def test_what_is_wrong_with_an_open_file_is_reported_under_its_name(form: str) -> None:
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


@pytest.mark.parametrize("form", STREAMED)
def test_a_malformed_document_stops_the_reading(tmp_path: Path, form: str) -> None:
    path = tmp_path / "file"
    path.write_text(GOOD_BAD_GOOD[form])
    documents = stream(path)
    assert next(documents).title == "a"
    with pytest.raises(DataError) as caught:
        next(documents)
    assert str(caught.value) == f"{path}: {LEFT_OUT[form]}"


@pytest.mark.parametrize("form", STREAMED)
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
        "got an unknown file format that begins with b'hello' (bytes), expected documents with marked entities: "
        "docred or labelstudio ('['), jsonl or doccano ('{'), pubtator ('id|t|'), brat ('T1' and a tab) "
        "or data (columns separated by tabs); plain text has no marked entities, atlop extract finds them",
    ),
    "unknown form": (
        b"hello",
        "xml",
        "got the format 'xml', expected one of docred, jsonl, pubtator, data, labelstudio, doccano, brat",
    ),
    "leaderboard": (
        b"[]",
        "leaderboard",
        "got facts in leaderboard format, expected documents; read them with read_submission() "
        "and join them to their documents with attach()",
    ),
    "UTF-16": ("{}".encode("utf-16"), None, "got UTF-16, expected UTF-8; convert the file first"),
    "gzip": (b"\x1f\x8b\x08", None, "got a gzip file, expected it decompressed; run gunzip first"),
    "triples": (
        b'[["Ada", "Rome", "P19"]]',
        None,
        "got a list of [head name, tail name, relation], expected documents",
    ),
    "facts": (
        b'[{"evidence": [0], "h_idx": 0, "r": "P1", "t_idx": 1, "title": "a"}]',
        None,
        "got facts in leaderboard format, expected documents; read them with read_submission() "
        "and join them to their documents with attach()",
    ),
    "zip": (
        b"PK\x03\x04",
        None,
        "got facts in leaderboard format, expected documents; read them with read_submission() "
        "and join them to their documents with attach()",
    ),
}


@pytest.mark.parametrize(("content", "form", "message"), UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_a_file_of_no_known_format_is_reported(
    tmp_path: Path, content: bytes, form: str | None, message: str, on_error: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(path, form=form, on_error=on_error)  # type: ignore[arg-type]
    assert str(caught.value) == f"{path}: {message}"
    with pytest.raises(DataError) as caught:
        check_input(path, form=form)
    assert str(caught.value) == f"{path}: {message}"


def test_a_given_form_is_not_detected(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello")
    check_input(tmp_path / "file", form="docred")
    with pytest.raises(DataError) as caught:
        read(tmp_path / "file", form="docred")
    assert str(caught.value) == (
        f"{tmp_path / 'file'}: got invalid JSON at line 1, column 1 (Expecting value), "
        "expected a complete JSON value; is the file truncated?"
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none", "No such file or directory"),
        (".", "Is a directory"),
        ("loop", "Too many levels of symbolic links"),
        ("a" * 300, "File name too long"),
        ("a\0b", "a path cannot hold a NUL character"),
    ],
)
@pytest.mark.parametrize("reader", [read, check_input, detect, read_submission])
def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path, name: str, reason: str, reader: Any) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(DataError) as caught:
        reader(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: cannot be read: {reason}"


@pytest.mark.parametrize("blanks", [65_000, 70_000, 1_000_000])
@pytest.mark.parametrize("form", STREAMED)
def test_a_file_that_begins_with_blanks_is_detected_in_linear_time(tmp_path: Path, form: str, blanks: int) -> None:
    path, started = tmp_path / "file", time.process_time()
    path.write_text(" " * blanks + "\n" + CONTENTS[form])
    assert read(path) == [EXPECTED[form]]
    assert time.process_time() - started < 1


@pytest.mark.parametrize("character", [" ", "|", "[", "{", "a", "\n", "\x00", "a|t"])
def test_anything_is_refused_in_linear_time(tmp_path: Path, character: str) -> None:
    path, started = tmp_path / "file", time.process_time()
    path.write_text(character * 65_000)
    with pytest.raises(DataError):
        read(path)
    assert time.process_time() - started < 1


def test_the_format_is_detected_from_the_content(tmp_path: Path) -> None:
    for form, content in CONTENTS.items():
        (tmp_path / form).write_text(content)
    (tmp_path / "brat").write_text("T1\tPER 0 3\tAda\n")
    assert {form: detect(tmp_path / form) for form in READABLE} == {form: form for form in READABLE}
    write([RELATED], tmp_path / "facts", form="leaderboard")
    write([RELATED], tmp_path / "facts.zip")
    (tmp_path / "triples").write_text('[["Ada", "Rome", "P19"]]')
    assert [detect(tmp_path / name) for name in ("facts", "facts.zip", "triples")] == [
        "leaderboard",
        "leaderboard",
        "triples",
    ]


@pytest.mark.parametrize("form", ["jsonl", "leaderboard"])
@pytest.mark.parametrize("count", [1, 5000])
def test_predictions_are_read_from_a_pipe(tmp_path: Path, form: str, count: int) -> None:
    documents = [dataclasses.replace(RELATED, title=str(number)) for number in range(count)]
    content = b"".join(encode(documents, form=form))
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as writer:
        writer.submit((tmp_path / "pipe").write_bytes, content)
        found = read_predictions(tmp_path / "pipe")
    assert len(found) == count
    assert found == documents or found == {document.title: document.relations for document in documents}


def test_brat_is_detected_by_its_name_and_in_a_folder(tmp_path: Path) -> None:
    for name in ("empty.ann", "OTHER.ANN"):
        (tmp_path / name).touch()
        (tmp_path / name).with_suffix(".txt").write_text("Ada wrote.")
    assert {detect(tmp_path / name) for name in ("empty.ann", "OTHER.ANN", ".")} == {"brat"}
    check_input(tmp_path)
    (found,) = read_predictions(tmp_path / "OTHER.ANN")
    assert found.text == "Ada wrote."  # type: ignore[union-attr]
    assert read_predictions(tmp_path) == read(tmp_path)


def test_a_pipe_is_not_read_to_check_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    check_input(tmp_path / "pipe")


def test_an_unknown_policy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(CONTENTS["jsonl"])
    with pytest.raises(DataError) as caught:
        read(tmp_path / "file", on_error="skipp")  # type: ignore[arg-type]
    assert str(caught.value) == "on_error: got 'skipp', expected one of raise, skip"


def test_running_out_of_memory_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse_json(raw: bytes, *, line: int = 1) -> object:
        raise MemoryError

    monkeypatch.setattr(jsonl, "parse_json", parse_json)
    (tmp_path / "file").write_text(CONTENTS["jsonl"])
    with pytest.raises(DataError) as caught:
        read(tmp_path / "file")
    assert str(caught.value) == f"{tmp_path / 'file'}: cannot be read: it does not fit into memory"


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.json", "docred"),
        ("a.jsonl", "jsonl"),
        ("a.JSONL", "jsonl"),
        ("a.pubtator", "pubtator"),
        ("a.txt", "pubtator"),
        ("a.data", "data"),
        ("a.Json", "docred"),
    ],
)
def test_the_suffix_determines_the_format_to_write(tmp_path: Path, name: str, form: str) -> None:
    write([BARE], tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"".join(encode([BARE], form=form))
    assert format_of_suffix(tmp_path / name) == form


def test_every_format_is_written(tmp_path: Path) -> None:
    for form in WRITABLE:
        write([BARE], tmp_path / form, form=form)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(WRITABLE)


UNWRITABLE = {
    "unknown suffix": (
        "a.csv",
        None,
        "got the suffix '.csv', expected one of .data, .json, .jsonl, .pubtator, .txt, .zip, or an explicit format",
    ),
    "unknown form": (
        "a.json",
        "xml",
        "got the format 'xml', expected one of docred, jsonl, pubtator, data, leaderboard",
    ),
    "missing folder": ("none/a.json", None, "cannot be written: No such file or directory"),
    "a folder": ("folder.json", None, "cannot be written: Is a directory"),
    "a loop of links": ("loop.json", None, "cannot be written: Too many levels of symbolic links"),
    "a name of 300 characters": ("a" * 300 + ".json", None, "cannot be written: File name too long"),
    "a NUL character": ("a\0.json", None, "cannot be written: a path cannot hold a NUL character"),
    "a folder that is a file": ("file/a.json", None, "cannot be written: Not a directory"),
    "a full disk": ("full.json", None, "cannot be written: No space left on device"),
}


@pytest.mark.parametrize(("name", "form", "message"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_a_file_that_cannot_be_written_is_reported(tmp_path: Path, name: str, form: str | None, message: str) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    (tmp_path / "full.json").symlink_to("/dev/full")
    (tmp_path / "file").touch()
    before = set(tmp_path.iterdir())
    with pytest.raises(DataError) as caught:
        write([BARE] * 10_000, tmp_path / name, form=form)
    assert str(caught.value) == f"{tmp_path / name}: {message}"
    assert set(tmp_path.iterdir()) == before


def interrupted(error: BaseException) -> Iterator[Document]:
    yield BARE
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143), DataError("bad", document="b", file="input")])
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
        f"{tmp_path / 'a.data'}: document 'a\\tb': title: got 'a\\tb' (str), expected no '\\t' in it, "
        "which separates fields in this format"
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
