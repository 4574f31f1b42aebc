from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from atlop.cli.commands.predict import check_resumable
from atlop.cli.resumable import ResumableOutput, resumable_output, settings_of
from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import AtlopError, DataError
from atlop.formats import encode, read, write

ENTITIES = tuple(Entity((Mention(0, word, word + 1, "PER", "Ada"),)) for word in (0, 1))
DOCUMENTS = [Document(title, (("Ada", "Ada"),), ENTITIES) for title in ("first", "second", "third")]
PREDICTED = [document.with_relations((Relation(0, 1, "P1", confidence=0.75),)) for document in DOCUMENTS]
LINES = list(encode(PREDICTED, form="jsonl"))
MADE_WITH = {"model": "/models/a", "precision": "fp32"}

Make = Callable[..., AbstractContextManager[ResumableOutput]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl.partial"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Begin or continue ``out.jsonl`` in the temporary folder."""

    def begin(**changes: str) -> AbstractContextManager[ResumableOutput]:
        return resumable_output(tmp_path / "out.jsonl", {**MADE_WITH, **changes})

    return begin


def rows(documents: list[Document]) -> Iterator[tuple[Document, int]]:
    return iter([(document, position) for position, document in enumerate(documents)])


def interrupted(lines: list[bytes], error: BaseException | None = None) -> Iterator[bytes]:
    yield from lines
    raise error or KeyboardInterrupt


def stop_after(make: Make, count: int, error: BaseException | None = None) -> BaseException:
    with pytest.raises(type(error or KeyboardInterrupt())) as caught, make() as partial:
        partial.write(interrupted(LINES[:count], error))
    return caught.value


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(make: Make, documents: list[Document], **changes: str) -> str:
    """Return why an input is not continued with."""
    with pytest.raises(AtlopError) as caught, make(**changes) as partial:
        list(partial.rest(rows(documents)))
    return str(caught.value)


@pytest.mark.parametrize("lines", [LINES, []])
def test_a_finished_run_leaves_only_the_output(make: Make, tmp_path: Path, lines: list[bytes]) -> None:
    with make() as partial:
        assert [document for document, _ in partial.rest(rows(DOCUMENTS))] == DOCUMENTS
        partial.write(lines)
    assert (tmp_path / "out.jsonl").read_bytes() == b"".join(lines)
    assert names(tmp_path) == ["out.jsonl"]


def test_the_old_output_stays_until_the_last_line_is_written(make: Make, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("old")
    stop_after(make, 2)
    assert (tmp_path / "out.jsonl").read_text() == "old"


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "out.jsonl").symlink_to("there/file.jsonl")
    with resumable_output(tmp_path / "out.jsonl", MADE_WITH) as partial:
        partial.write(LINES)
    assert (tmp_path / "out.jsonl").is_symlink()
    assert (tmp_path / "there" / "file.jsonl").read_bytes() == b"".join(LINES)
    assert names(tmp_path) == ["out.jsonl", "there"]


def test_an_interruption_says_how_many_documents_are_kept(make: Make) -> None:
    assert str(stop_after(make, 2)) == "documents kept: 2; the same command continues with the next"


def test_every_line_is_kept_as_soon_as_it_comes(make: Make, folder: Path) -> None:
    def lines() -> Iterator[bytes]:
        for number, line in enumerate(LINES):
            assert (folder / "predictions.jsonl").read_bytes() == b"".join(LINES[:number])
            yield line

    with make() as partial:
        partial.write(lines())


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_second_run_continues_after_the_kept_lines(make: Make, tmp_path: Path, kept: int) -> None:
    stop_after(make, kept)
    with make() as partial:
        assert partial.resumed == kept
        assert [document for document, _ in partial.rest(rows(DOCUMENTS))] == DOCUMENTS[kept:]
        partial.write(LINES[kept:])
    assert (tmp_path / "out.jsonl").read_bytes() == b"".join(LINES)
    assert names(tmp_path) == ["out.jsonl"]


def test_an_error_keeps_the_lines_before_it(make: Make) -> None:
    error = DataError("bad")
    assert stop_after(make, 1, error) is error
    with make() as partial:
        assert partial.kept == 1


def test_nothing_is_left_where_nothing_was_predicted(make: Make, tmp_path: Path) -> None:
    stop_after(make, 0)
    assert names(tmp_path) == []


@pytest.mark.parametrize("cut", [1, len(LINES[1]) - 1])
def test_a_line_that_a_killed_run_left_incomplete_is_predicted_again(make: Make, folder: Path, cut: int) -> None:
    stop_after(make, 1)
    (folder / "predictions.jsonl").write_bytes(LINES[0] + LINES[1][:cut])
    with make() as partial:
        assert partial.kept == 1
        assert (folder / "predictions.jsonl").read_bytes() == LINES[0]


def changed(**fields: object) -> list[Document]:
    return [DOCUMENTS[0], replace(DOCUMENTS[1], **fields)]  # type: ignore[arg-type]


OTHERWISE = {
    "another title": (changed(title="other"), "document 2 is 'second', the input has 'other' there"),
    "fewer documents": (DOCUMENTS[:1], "document 2 is 'second', the input ends before it"),
    "another word": (
        changed(sentences=(("Ada", "Bo"),)),
        "document 2, 'second': its words have changed since it was predicted",
    ),
    "fewer entities, listed pairs": (
        changed(entities=ENTITIES[:1], candidates=()),
        "document 2, 'second': its entities and candidate pairs have changed since it was predicted",
    ),
}


@pytest.mark.parametrize(("documents", "problem"), OTHERWISE.values(), ids=OTHERWISE)
def test_another_input_is_refused(make: Make, folder: Path, documents: list[Document], problem: str) -> None:
    stop_after(make, 2)
    assert refused(make, documents) == f"--resume: {folder}: {problem}; remove the folder to start over"
    assert (folder / "predictions.jsonl").read_bytes() == b"".join(LINES[:2])


def test_another_gold_relation_changes_no_prediction(make: Make) -> None:
    stop_after(make, 2)
    with make() as partial:
        rest = partial.rest(rows([d.with_relations((Relation(1, 0, "P2"),)) for d in DOCUMENTS]))
        assert [document.title for document, _ in rest] == ["third"]


@pytest.mark.parametrize("form", ["docred", "jsonl", "pubtator", "data"])
def test_documents_of_every_format_are_recognized(tmp_path: Path, form: str) -> None:
    entities = tuple(Entity(e.mentions, f"D{number}") for number, e in enumerate(ENTITIES))
    write([replace(PREDICTED[0], title="7", entities=entities)], tmp_path / "in", form=form)
    documents = read(tmp_path / "in", form=form)
    lines = list(encode(documents, form="jsonl"))
    with pytest.raises(KeyboardInterrupt), resumable_output(tmp_path / "out.jsonl", MADE_WITH) as partial:
        partial.write(interrupted(lines))
    with resumable_output(tmp_path / "out.jsonl", MADE_WITH) as partial:
        assert list(partial.rest(rows(documents))) == []


def test_another_model_is_refused(make: Make, folder: Path) -> None:
    stop_after(make, 2)
    problem = "model: got '/models/b', the kept predictions were made with '/models/a'"
    expected = f"--resume: {folder}: {problem}; remove the folder to start over"
    assert refused(make, DOCUMENTS, model="/models/b") == expected


@pytest.mark.parametrize("content", [None, "", "[]", "[" * 100_000, '{"precision": "fp32"}'])
def test_lines_of_an_unknown_model_are_refused(make: Make, folder: Path, content: str | None) -> None:
    stop_after(make, 2)
    (folder / "run.json").unlink()
    if content is not None:
        (folder / "run.json").write_text(content)
    assert "model: got '/models/a', the kept predictions were made with None" in refused(make, DOCUMENTS)


def test_a_run_that_predicted_nothing_binds_no_other(make: Make, folder: Path) -> None:
    folder.mkdir()  # killed before the first document
    for name, content in (("run.json", '{"model": "/models/b"}'), ("predictions.jsonl", ""), ("lock", "")):
        (folder / name).write_text(content)
    with make() as partial:
        partial.write(LINES)
    assert names(folder.parent) == ["out.jsonl"]


def test_a_line_that_is_no_document_is_an_error(make: Make, folder: Path) -> None:
    stop_after(make, 2)
    (folder / "predictions.jsonl").write_bytes(LINES[0] + b"{}\n")
    file = folder / "predictions.jsonl"
    expected = f"{file}: document 'line 2': title: got no such key, expected one; the keys here are none"
    assert refused(make, DOCUMENTS) == expected


def test_a_second_run_at_the_same_time_is_refused(make: Make, folder: Path) -> None:
    with make() as partial:
        with pytest.raises(AtlopError) as caught, make():
            pass
        partial.write(LINES)
    problem = "another run is adding to it; wait until it ends, or choose another --output"
    assert str(caught.value) == f"--resume: {folder}: {problem}"
    assert names(folder.parent) == ["out.jsonl"]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught, resumable_output(tmp_path / "none" / "out.jsonl", MADE_WITH):
        pass
    folder = tmp_path / "none" / "out.jsonl.partial"
    assert str(caught.value) == f"{folder}: cannot be written: No such file or directory"


def test_settings_name_the_model_and_when_it_was_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = []
    for saved in (1000, 2000):
        (tmp_path / "atlop.json").touch()
        os.utime(tmp_path / "atlop.json", (saved, saved))
        settings.append(settings_of(tmp_path, precision="fp32", prune=False))
    saved = {"model": str(tmp_path), "saved": settings[0]["saved"], "tuned": "never"}
    assert settings[0] == {**saved, "precision": "fp32", "prune": "False"}
    first, second = (datetime.fromisoformat(found["saved"]) for found in settings)
    assert (second - first).total_seconds() == 1000
    monkeypatch.chdir(tmp_path.parent)
    assert settings_of(Path(tmp_path.name), precision="fp32", prune=False) == settings[1]
    assert json.loads(json.dumps(settings[0])) == settings[0]
    (tmp_path / "calibration.json").touch()
    os.utime(tmp_path / "calibration.json", (1000, 1000))
    assert settings_of(tmp_path)["tuned"] == settings[0]["saved"]


def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_resumable(False, pipe, "jsonl")
    with pytest.raises(AtlopError) as caught:
        check_resumable(True, pipe, "jsonl")
    expected = "expected a JSONL file, which grows document by document"
    assert str(caught.value) == f"--resume: got the pipe or device {str(pipe)!r}, {expected}"
