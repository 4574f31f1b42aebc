"""Plain text, and how it is told from documents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from atlop.documents import Document
from atlop.errors import DataError
from atlop.formats import check_input, stream_file
from atlop.formats.detection import format_or_text


@pytest.mark.parametrize(
    ("beginning", "form"),
    [
        (b"Ada wrote to London.", "text"),
        (b"[1] Ada wrote.", "text"),
        (b"{Ada} wrote.", "text"),
        (b"Ada\twrote.", "text"),
        (b"PKU is inherited.", "text"),
        (b"PK\x03\x04", "leaderboard"),
        (b"[] is an empty list.", "text"),
        (b"[\n]\n", "docred"),
        (b"{}\n", "jsonl"),
        (b'[{"title": "Ada", "sents": []}]', "docred"),
        (b'{"title": "Ada", "sentences": [], "entities": []}', "jsonl"),
        (b'{"text": "Ada wrote."}', "doccano"),
        (b"7|t|Ada wrote.", "pubtator"),
        (b"T1\tPER 0 3\tAda", "brat"),
    ],
)
def test_text_is_what_is_nothing_else(beginning: bytes, form: str) -> None:
    assert format_or_text(beginning) == form


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Document]]:
    def read_bytes(content: bytes, **options: str) -> list[Document]:
        path = tmp_path / "letter.txt"
        path.write_bytes(content)
        with path.open("rb") as file:
            return list(stream_file(file, name=str(path), plain=True, **options))  # type: ignore[arg-type]

    return read_bytes


def test_a_text_is_a_document_with_the_name_of_its_file(read: Callable[..., list[Document]]) -> None:
    (document,) = read("\ufeffAda wrote.\r\nShe met B\u00e9la.".encode())
    assert (document.title, document.entities) == ("letter", ())
    assert document.sentences == (("Ada", "wrote", "."), ("She", "met", "B\u00e9la", "."))
    assert document.text == "Ada wrote.\r\nShe met B\u00e9la."


def test_what_looks_like_documents_can_be_read_as_text(read: Callable[..., list[Document]]) -> None:
    (document,) = read(b"7|t|Ada", form="text")
    assert document.text == "7|t|Ada"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "got an empty file, expected at least one document"),
        (b"\xff\xfeA\x00", "got UTF-16, expected UTF-8; convert the file first"),
        (b"Ad\xe9", "got the byte 0xe9 at offset 2, expected UTF-8"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused(
    read: Callable[..., list[Document]], tmp_path: Path, content: bytes, problem: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(content)
    assert str(caught.value).startswith(str(tmp_path / "letter.txt"))
    assert problem in str(caught.value)


def test_text_is_no_format_where_documents_are_expected(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Ada wrote.")
    check_input(tmp_path / "letter.txt", plain=True)
    with pytest.raises(DataError, match="plain text has no marked entities"):
        check_input(tmp_path / "letter.txt")
    with pytest.raises(DataError, match="got the format 'text', expected one of docred"):
        check_input(tmp_path / "letter.txt", form="text")
