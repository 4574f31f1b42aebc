from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from atlop.cli import prediction
from atlop.cli.prediction import PREFETCHED, predict_files, settings_of
from atlop.cli.resumable import ResumableOutput
from atlop.documents import Document
from atlop.errors import DataError
from atlop.labels import LabelMap

COUNT = 300


class Extractor:
    """Gives the documents as they are, and can be stopped after some."""

    backend = SimpleNamespace(labels=LabelMap(("P1",)))

    def __init__(self, *, stop: int = COUNT, error: BaseException | None = None) -> None:
        self.stop, self.error = stop, error

    def predict(self, documents: Iterable[Document]) -> Iterator[Document]:
        for number, document in enumerate(documents):
            if number == self.stop:
                raise self.error or AssertionError
            yield document


class Input:
    """The documents of a corpus that is never in memory, and how many of them were read."""

    def __init__(self) -> None:
        self.read = 0

    def rows(self, *_: Any, **__: Any) -> Iterator[tuple[Document, int]]:
        for number in range(COUNT):
            self.read += 1
            yield Document(f"Document {number}", ()), 0


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Input:
    """What takes the place of the files."""
    source = Input()
    monkeypatch.setattr(prediction, "read_all", source.rows)
    return source


def run(extractor: Any, output: Path | None, *, target: str = "jsonl", partial: ResumableOutput | None = None) -> str:
    options: dict[str, Any] = {"form": None, "on_error": "raise", "report": print}
    return predict_files(extractor, [], **options, target=target, output=output, partial=partial)


def titles(path: Path) -> list[str]:
    return [json.loads(line)["title"] for line in path.read_text().splitlines()]


ALL = [f"Document {number}" for number in range(COUNT)]


def test_every_document_goes_through(source: Input, tmp_path: Path) -> None:
    told = run(Extractor(), tmp_path / "out.jsonl")
    assert titles(tmp_path / "out.jsonl") == ALL
    assert told.startswith("300 documents in ")


@pytest.mark.parametrize("target", ["jsonl", "docred", "pubtator", "data", "leaderboard", "table"])
@pytest.mark.parametrize("to_file", [True, False])
def test_no_more_is_read_than_a_fixed_number_ahead(
    source: Input, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, to_file: bool
) -> None:
    """Whatever is written: of 300 documents the thread holds one and the queue PREFETCHED beside those predicted."""
    most = 0

    class Watching(Extractor):
        def predict(self, documents: Iterable[Document]) -> Iterator[Document]:
            nonlocal most
            for number, document in enumerate(documents, start=1):
                most = max(most, source.read - number)
                yield document

    run(Watching(), tmp_path / "out" if to_file else None, target=target)
    assert source.read == COUNT
    assert 0 < most <= PREFETCHED + 1


def test_predictions_are_written_while_others_are_made(source: Input, tmp_path: Path) -> None:
    partial = ResumableOutput(tmp_path / "out.jsonl", {})
    kept = []

    class Watching(Extractor):
        def predict(self, documents: Iterable[Document]) -> Iterator[Document]:
            for document in documents:
                kept.append(partial.kept)
                yield document

    run(Watching(), tmp_path / "out.jsonl", partial=partial)
    assert kept == list(range(COUNT))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DataError("bad", document="a", file="in")])
def test_a_run_that_is_stopped_leaves_nothing(source: Input, tmp_path: Path, error: BaseException) -> None:
    threads = threading.active_count()
    with pytest.raises(type(error)) as caught:
        run(Extractor(stop=100, error=error), tmp_path / "out.jsonl")
    assert str(caught.value) == str(error)
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == threads


def test_a_run_goes_on_where_the_one_before_was_stopped(source: Input, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    for stop in (100, 50):
        with pytest.raises(KeyboardInterrupt):
            run(
                Extractor(stop=stop, error=KeyboardInterrupt()), output, partial=ResumableOutput(output, {"model": "a"})
            )
    told = run(Extractor(), output, partial=ResumableOutput(output, {"model": "a"}))
    assert titles(output) == ALL
    assert told.startswith("150 documents in ")
    assert told.endswith(" a second), after 150 that were kept")


def test_settings_tell_the_model_and_when_it_was_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = []
    for saved in (1000, 2000):
        (tmp_path / "atlop.json").touch()
        os.utime(tmp_path / "atlop.json", (saved, saved))
        settings.append(settings_of(tmp_path, precision="fp32", prune=False))
    assert settings[0] == {"model": str(tmp_path), "saved": settings[0]["saved"], "precision": "fp32", "prune": "False"}
    first, second = (datetime.fromisoformat(found["saved"]) for found in settings)
    assert (second - first).total_seconds() == 1000
    monkeypatch.chdir(tmp_path.parent)
    assert settings_of(Path(tmp_path.name), precision="fp32", prune=False) == settings[1]
