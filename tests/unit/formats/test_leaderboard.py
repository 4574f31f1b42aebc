from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import DataError
from atlop.formats import attach, leaderboard, read_predictions, read_submission, write
from atlop.formats.leaderboard import dump_zip

PAIR = (Entity((Mention(0, 0, 1, "PER", "a"),)), Entity((Mention(0, 1, 2, "PER", "b"),)))
FIRST = Document("first", (("a", "b"), ("c",)), PAIR, (Relation(0, 1, "P1", (0, 1), 0.75), Relation(1, 0, "P2")))
SECOND = Document("second", (("a", "b"),), PAIR, (Relation(0, 1, "P1", ()),))
ROWS = [
    {"title": "first", "h_idx": 0, "t_idx": 1, "r": "P1", "evidence": [0, 1]},
    {"title": "first", "h_idx": 1, "t_idx": 0, "r": "P2"},
    {"title": "second", "h_idx": 0, "t_idx": 1, "r": "P1", "evidence": []},
]
CLAIMS = {
    "first": (Relation(0, 1, "P1", (0, 1)), Relation(1, 0, "P2")),
    "second": (Relation(0, 1, "P1", ()),),
}
REPEATED = "document 'first': got 2 documents with this title, expected one, as facts are matched by title"


def row(**changes: Any) -> dict[str, Any]:
    return {**ROWS[0], **changes}


def test_writes_rows(tmp_path: Path) -> None:
    write([FIRST, SECOND], tmp_path / "result.json", form="leaderboard")
    assert json.loads((tmp_path / "result.json").read_text()) == ROWS


def test_writes_an_empty_list_where_nothing_is_predicted(tmp_path: Path) -> None:
    write([FIRST.with_relations(())], tmp_path / "result.json", form="leaderboard")
    assert json.loads((tmp_path / "result.json").read_text()) == []
    assert read_submission(tmp_path / "result.json") == {}


def test_writes_the_same_zip_each_time(tmp_path: Path) -> None:
    for name in ("one.zip", "two.ZIP"):
        write([FIRST, SECOND], tmp_path / name, form="leaderboard")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.namelist() == ["result.json"]
        assert json.loads(archive.read("result.json")) == ROWS
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.ZIP").read_bytes()


def test_a_zip_is_written_while_the_documents_come() -> None:
    remaining = iter([FIRST] * 3)
    pieces = dump_zip(remaining)
    opening, first_fact = next(pieces), next(pieces)
    assert opening.startswith(b"PK")
    assert len(list(remaining)) == 2, first_fact


@pytest.mark.parametrize("name", ["result.zip", "result.json"])
def test_reads_what_it_wrote(tmp_path: Path, name: str) -> None:
    write([FIRST, SECOND], tmp_path / name, form="leaderboard")
    assert read_submission(tmp_path / name) == CLAIMS


def test_facts_of_two_documents_with_one_title_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        write([FIRST, SECOND, FIRST], tmp_path / "result.zip")
    assert str(caught.value) == f"{tmp_path / 'result.zip'}: {REPEATED}"
    assert not list(tmp_path.iterdir())


def test_keeps_the_first_of_repeated_claims(tmp_path: Path) -> None:
    (tmp_path / "rows").write_text(json.dumps([row(evidence=[1]), row(evidence=[0]), row()]))
    assert read_submission(tmp_path / "rows") == {"first": (Relation(0, 1, "P1", (1,)),)}


def test_attaches_claims_to_their_documents() -> None:
    other = Document("third", ((),), (), ())
    attached = attach(CLAIMS, [SECOND, other, FIRST.with_relations(())])
    assert attached == [SECOND, other, FIRST.with_relations(CLAIMS["first"])]


ATTACHMENTS = {
    "unknown title": (
        {"fourth": ()},
        [FIRST],
        "document 'fourth': got facts for a title that none of the documents has, "
        "expected those of the predicted documents",
    ),
    "repeated title": ({}, [FIRST, SECOND, FIRST], REPEATED),
    "index out of range": (
        {"first": (Relation(0, 2, "P1"),)},
        [FIRST],
        "document 'first': relations[0].tail: got 2 (int), expected an index from 0 to 1, as there are 2 entities",
    ),
}


@pytest.mark.parametrize(("submission", "documents", "message"), ATTACHMENTS.values(), ids=ATTACHMENTS)
def test_claims_that_fit_no_document_are_reported(
    submission: dict[str, tuple[Relation, ...]], documents: list[Document], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        attach(submission, documents)
    assert str(caught.value) == message


MALFORMED = {
    "no list": ({"title": "a"}, "got {'title': 'a'} (dict) at the top, expected a list of facts"),
    "nested too deeply": ("[" * 100_000, "got JSON nested too deeply to be read"),
    "an index of 5,000 digits": (
        '[{"title": "a", "h_idx": ' + "1" * 5000 + "}]",
        "got JSON with an integer of too many digits to be read",
    ),
    "a lone surrogate in a title": (
        [row(title="\ud800")],
        "[0].title: got '\\ud800' (str), expected characters that UTF-8 can encode, unlike a lone surrogate",
    ),
    "a key twice": (
        '[{"title": "a", "title": "b"}]',
        "[0]: got an object with the same key more than once, expected each key once",
    ),
    "no fact": ([3], "[0]: got 3 (int), expected an object"),
    "no head": (
        [ROWS[0], {"title": "a", "t_idx": 0, "r": "P1"}],
        "[1].h_idx: got no such key, expected one; the keys here are 'title', 't_idx', 'r'",
    ),
    "negative index": ([row(t_idx=-1)], "[0].t_idx: got -1 (int), expected a non-negative integer"),
    "fraction": ([row(t_idx=1.0)], "[0].t_idx: got 1.0 (float), expected a non-negative integer"),
    "relation null": ([row(r=None)], "[0].r: got None (NoneType), expected a non-empty string"),
    "evidence as a number": ([row(evidence=1)], "[0].evidence: got 1 (int), expected a list"),
}


@pytest.mark.parametrize(("rows", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_file_is_reported(tmp_path: Path, rows: Any, message: str) -> None:
    path = tmp_path / "rows.json"
    path.write_text(rows if isinstance(rows, str) else json.dumps(rows))
    with pytest.raises(DataError) as caught:
        read_submission(path)
    assert str(caught.value) == f"{path}: {message}"


def test_a_zip_without_the_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "result.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("results.json", "[]")
    with pytest.raises(DataError) as caught:
        read_submission(path)
    assert str(caught.value) == f"{path}: got a zip that contains 'results.json', expected result.json in it"


def test_a_broken_zip_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "result.zip"
    write([FIRST], path)
    content = bytearray(path.read_bytes())
    content[0:4] = b"PK\x00\x00"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_submission(path)
    assert str(caught.value) == (
        f"{path}: got a zip that cannot be read (Bad magic number for file header), "
        "expected an intact one without a password"
    )


def test_enormous_indices_cost_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([row(h_idx=10**9), row(t_idx=10**19, evidence=[10**19])]))
    assert read_submission(path) == {
        "first": (Relation(10**9, 1, "P1", (0, 1)), Relation(0, 10**19, "P1", (10**19,))),
    }


def test_a_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaderboard, "LARGEST_MEMBER", 1 << 20)
    path = tmp_path / "result.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("result.json", b"[" + b" " * (2 << 20) + b"]")
    with pytest.raises(DataError) as caught:
        read_submission(path)
    assert str(caught.value) == (
        f"{path}: got more than 1 MiB in result.json uncompressed, expected at most 1 MiB; unzip it first"
    )


def test_another_compression_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "result.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("result.json", "[]")
    with pytest.raises(DataError) as caught:
        read_submission(path)
    assert str(caught.value) == f"{path}: got result.json compressed by method 14, expected deflate"


@pytest.mark.parametrize("kept", [10, 40, 80])
def test_a_truncated_zip_is_reported(tmp_path: Path, kept: int) -> None:
    write([FIRST, SECOND], tmp_path / "whole.zip")
    path = tmp_path / "result.zip"
    path.write_bytes((tmp_path / "whole.zip").read_bytes()[:kept])
    with pytest.raises(DataError) as caught:
        read_submission(path)
    assert str(caught.value) == (
        f"{path}: got a zip that cannot be read (File is not a zip file), expected an intact one without a password"
    )


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(ROWS).encode())
    assert read_submission(tmp_path / "rows.json") == CLAIMS


def test_predictions_are_facts_or_documents(tmp_path: Path) -> None:
    write([SECOND], tmp_path / "documents.json")
    write([FIRST], tmp_path / "facts.json", form="leaderboard")
    write([FIRST], tmp_path / "facts.ZIP")
    assert read_predictions(tmp_path / "documents.json") == [SECOND]
    facts = {"first": CLAIMS["first"]}
    assert read_predictions(tmp_path / "facts.json") == read_predictions(tmp_path / "facts.ZIP") == facts


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_submission(tmp_path / "none")
    assert str(caught.value) == f"{tmp_path / 'none'}: cannot be read: No such file or directory"
