from __future__ import annotations

import io
from pathlib import Path

import pytest

from atlop.documents import Document
from atlop.errors import DataError
from atlop.formats import check_input, detect, read, stream_file

TEXT = "Ada met Rome,\nand Bob."
MENTIONS = "T1\tPER 0 3\tAda\nT2\tLOC 8 12\tRome\n"


def one(folder: Path, annotations: str, text: str = TEXT) -> Document:
    (folder / "doc.txt").write_bytes(text.encode())
    (folder / "doc.ann").write_bytes(annotations.encode())
    (document,) = read(folder / "doc.ann")
    return document


def test_mentions_relations_and_equivalences_are_read(tmp_path: Path) -> None:
    lines = [MENTIONS, "T3\tPER 18 21\tBob\n*\tEquiv T1 T3\nR1\tsaw Arg1:T2 Arg2:T3\nR2\tsaw Subject:T1 Object:T2\n"]
    document = one(tmp_path, "".join(lines))
    assert (document.title, document.text) == ("doc", TEXT)
    assert [[mention.name for mention in entity.mentions] for entity in document.entities] == [["Ada", "Bob"], ["Rome"]]
    assert [relation.fact for relation in document.relations] == [(1, 0, "saw"), (0, 1, "saw")]


def test_offsets_count_characters_and_line_ends_as_they_are(tmp_path: Path) -> None:
    assert one(tmp_path, "T1\tPER 5 8\tBob\n", "😀a\r\n\ufeffBob").entities[0].name == "Bob"


def test_a_text_without_annotations_has_no_entity(tmp_path: Path) -> None:
    assert one(tmp_path, "").entities == ()
    assert one(tmp_path, "\n#1\tAnnotatorNotes T1\tx\n").entities == ()


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    assert len(one(tmp_path, "\ufeff" + MENTIONS).entities) == 2


def test_a_folder_is_read_by_name(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.txt").write_text(name)
        (tmp_path / f"{name}.ann").write_text("")
    (tmp_path / "notes.txt").write_text("not annotated")
    (tmp_path / ".hidden.ann").write_text("")
    (tmp_path / "c.ann").rename(tmp_path / "c.ANN")
    assert [document.title for document in read(tmp_path)] == ["a", "b", "c"]


def test_what_is_left_out_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = [
        "T3\tMeet 4 7\tmet",
        "E1\tMeet:T3 Who:T1",
        "R1\tcauses Arg1:E1 Arg2:T2",
        "T4\tPER 0 3;18 21\tAda Bob",
        "T5\tLOC 8 13;14 17\tRome, and",
        "R2\tsaw Arg1:T1 Arg2:T2",
        "A1\tNegation R2",
        "A2\tCertain T1",
        "N1\tReference T1 Wikidata:Q7259\tAda",
    ]
    document = one(tmp_path, MENTIONS + "\n".join(lines))
    assert [entity.name for entity in document.entities] == ["Ada", TEXT[:-1], "Rome", "Rome,\nand"]
    assert [relation.fact for relation in document.relations] == [(0, 2, "saw")]
    assert caplog.messages == [
        "document 'doc': 1 event left out, triggers included; "
        "1 mention of several parts: read from the first to the last; 1 attribute of relations: ignored"
    ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "T1\tPER 1 4\tAda",
            "line 1: got the mention 'Ada' at 1 4, where the text reads 'da ', expected the same",
        ),
        (
            "T1\tPER 0\tAda",
            "line 1: got the columns ['T1', 'PER 0', 'Ada'] (list), "
            "expected a mention: identifier, type start end, text",
        ),
        (
            "T1\tPER 3 4\t ",
            "line 1: got the mention 3 to 4 of a text of 22 characters, expected one inside it that is not blank",
        ),
        (
            "T1\tPER 0 3\tAda\n\nT1\tPER 0 3\tAda",
            "line 3: got the mention 'T1' (str) again, expected each once",
        ),
        ("*\tEquiv T1 T2", "line 1: got the mention 'T1' (str), expected one that is marked"),
        ("\n see T1", "line 2: got ' see T1' (str), expected an annotation, which begins with one of T R * E A M N #"),
        ("R1", "line 1: got the columns ['R1'] (list), expected an identifier and an annotation"),
        (
            "R1\tsaw T1 T2",
            "line 1: got 'saw T1 T2' (str), expected a relation: name Arg1:T1 Arg2:T2",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        one(tmp_path, lines)
    assert str(caught.value) == f"{tmp_path / 'doc.ann'}: document 'doc': {message}"


def test_the_text_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "doc.ann").write_text(MENTIONS)
    message = "got no 'doc.txt' beside it, expected the text that it annotates"
    with pytest.raises(DataError) as caught:
        read(tmp_path / "doc.ann")
    assert str(caught.value) == f"{tmp_path / 'doc.ann'}: document 'doc': {message}"
    with pytest.raises(DataError) as caught:
        list(stream_file(io.BytesIO(MENTIONS.encode()), name="standard input"))
    message = message.replace("doc", "standard input")
    assert str(caught.value) == f"standard input: document 'standard input': {message}"


def test_a_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "doc.ann").write_text("")
    (tmp_path / "doc.txt").write_bytes(b"a\xff")
    with pytest.raises(DataError) as caught:
        read(tmp_path / "doc.ann")
    assert str(caught.value) == f"{tmp_path / 'doc.txt'}: document 'doc': got the byte 0xff at offset 1, expected UTF-8"


def test_a_document_without_a_text_can_be_skipped(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.ann").write_text("")
    (tmp_path / "a.txt").write_bytes(b"\xe9")
    (tmp_path / "c.txt").write_text("Ada wrote.")
    told: list[DataError] = []
    assert [document.title for document in read(tmp_path, on_error="skip", report=told.append)] == ["c"]
    assert [error.file for error in told] == [str(tmp_path / "a.txt"), str(tmp_path / "b.ann")]


@pytest.mark.parametrize(
    "content",
    [
        MENTIONS,
        "R1\tsaw Arg1:T1 Arg2:T2\n",
        "*\tEquiv T1 T2\n",
        "E1\tMeet:T1 Who:T2\n",
        "A1\tNegation R1\n",
        "#1\tAnnotatorNotes T1\tx\n",
        "N1\tReference T1 Wikidata:Q1\tx\n",
        "T1\tPER 0 3;8 12\tAda Rome\n",
    ],
)
def test_annotations_are_detected_from_their_content(tmp_path: Path, content: str) -> None:
    (tmp_path / "file").write_text(content)
    assert detect(tmp_path / "file") == "brat"


def test_a_malformed_document_is_left_out_of_a_folder(tmp_path: Path) -> None:
    one(tmp_path, "")
    (tmp_path / "doc.ann").write_text("T1\tPER 0 3\tBob")
    (tmp_path / "next.txt").write_text("Bob")
    (tmp_path / "next.ann").write_text("")
    errors = list[DataError]()
    assert [document.title for document in read(tmp_path, on_error="skip", report=errors.append)] == ["next"]
    assert [error.document for error in errors] == ["doc"]


def test_files_are_checked_without_being_read(tmp_path: Path) -> None:
    one(tmp_path, "")
    check_input(tmp_path / "doc.ann")
