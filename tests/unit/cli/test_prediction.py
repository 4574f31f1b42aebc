from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from atlop.cli.prediction import PREFETCHED, predict_files
from atlop.cli.progress import Tally
from atlop.cli.resumable import ResumableOutput, resumable_output
from atlop.documents import Document
from atlop.errors import DataError

COUNT = 300


class Extractor:
    """Returns the documents as they are, and can be stopped after some."""

    def __init__(self, *, stop: int = COUNT, error: BaseException | None = None) -> None:
        self.stop, self.error, self.min_confidence = stop, error, 0.0

    def predict(self, documents: Iterable[Document], *, min_confidence: float = 0.0) -> Iterator[Document]:
        self.min_confidence = min_confidence
        for number, document in enumerate(documents):
            if number == self.stop:
                raise self.error or AssertionError
            yield document


class Input:
    """The documents of a corpus that is never in memory, and how many of them were read."""

    def __init__(self) -> None:
        self.read = 0

    def rows(self) -> Iterator[tuple[Document, int]]:
        for number in range(COUNT):
            self.read += 1
            yield Document(f"Document {number}", ()), 0


def run(
    extractor: Any,
    output: Path | None,
    *,
    source: Input | None = None,
    target: str = "jsonl",
    partial: ResumableOutput | None = None,
    **options: float,
) -> str:
    rows, tally = (source or Input()).rows(), Tally()
    predict_files(
        lambda documents: extractor.predict(documents, **options),
        rows,
        tally,
        target=target,
        output=output,
        partial=partial,
    )
    return str(tally)


def titles(path: Path) -> list[str]:
    return [json.loads(line)["title"] for line in path.read_text().splitlines()]


ALL = [f"Document {number}" for number in range(COUNT)]


def test_every_document_goes_through(tmp_path: Path) -> None:
    summary = run(Extractor(), tmp_path / "out.jsonl")
    assert titles(tmp_path / "out.jsonl") == ALL
    assert summary.startswith("300 documents in ")


@pytest.mark.parametrize("least", [0.0, 0.75])
def test_the_least_confidence_goes_to_the_extractor(tmp_path: Path, least: float) -> None:
    extractor = Extractor()
    run(extractor, tmp_path / "out.jsonl", min_confidence=least)
    assert extractor.min_confidence == least


@pytest.mark.parametrize("target", ["jsonl", "docred", "pubtator", "data", "leaderboard", "table"])
@pytest.mark.parametrize("to_file", [True, False])
def test_no_more_is_read_than_a_fixed_number_ahead(tmp_path: Path, target: str, to_file: bool) -> None:
    """Whatever is written: of 300 documents the thread holds one and the queue PREFETCHED beside those predicted."""
    source, most = Input(), 0

    class Watching(Extractor):
        def predict(self, documents: Iterable[Document], **_: Any) -> Iterator[Document]:
            nonlocal most
            for number, document in enumerate(documents, start=1):
                most = max(most, source.read - number)
                yield document

    run(Watching(), tmp_path / "out" if to_file else None, source=source, target=target)
    assert source.read == COUNT
    assert 0 < most <= PREFETCHED + 1


def test_a_table_in_a_file_has_no_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    run(Extractor(), tmp_path / "out", target="table")
    text = (tmp_path / "out").read_text(encoding="utf-8")
    assert "Document 0" in text
    assert "\x1b" not in text


def test_predictions_are_written_while_others_are_made(tmp_path: Path) -> None:
    kept = []
    with resumable_output(tmp_path / "out.jsonl", {}) as partial:

        class Watching(Extractor):
            def predict(self, documents: Iterable[Document], **_: Any) -> Iterator[Document]:
                for document in documents:
                    kept.append(partial.kept)
                    yield document

        run(Watching(), tmp_path / "out.jsonl", partial=partial)
    assert kept == list(range(COUNT))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DataError("bad", document="a", file="in")])
def test_a_run_that_is_stopped_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    threads = threading.active_count()
    with pytest.raises(type(error)) as caught:
        run(Extractor(stop=100, error=error), tmp_path / "out.jsonl")
    assert str(caught.value) == str(error)
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == threads


def test_a_run_continues_where_the_one_before_was_stopped(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    for stop in (100, 50):
        with pytest.raises(KeyboardInterrupt), resumable_output(output, {"model": "a"}) as partial:
            run(Extractor(stop=stop, error=KeyboardInterrupt()), output, partial=partial)
    with resumable_output(output, {"model": "a"}) as partial:
        assert partial.resumed == 150
        summary = run(Extractor(), output, partial=partial)
    assert titles(output) == ALL
    assert summary.startswith("150 documents in ")
