from __future__ import annotations

import io
import itertools
import sys

import pytest
from rich.progress import Progress

from atlop.cli import progress
from atlop.cli.progress import Tally, duration, progress_bar, rate
from atlop.documents import Document

DOCUMENTS = [Document(title, ()) for title in ("first", "second", "third")]
POSITIONS = [100, 250, 300]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that advances by two seconds whenever it is read."""
    times = itertools.count(1000.0, 2.0)
    monkeypatch.setattr("atlop.cli.progress.time.perf_counter", lambda: next(times))


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Progress]:
    """The bars that were made."""
    made: list[Progress] = []

    def make() -> Progress:
        made.append(progress_bar())
        return made[-1]

    monkeypatch.setattr(progress, "progress_bar", make)
    return made


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_documents_are_counted_and_timed(clock: None) -> None:
    tally = Tally()
    noted = tally.noted(zip(DOCUMENTS, POSITIONS, strict=True))
    assert list(tally.shown(noted)) == DOCUMENTS
    assert (tally.documents, tally.seconds) == (3, 6.0)
    assert str(tally) == "3 documents in 6 s (0.5 per second)"


def test_one_document_is_singular(clock: None) -> None:
    tally = Tally()
    list(tally.shown(tally.noted([(DOCUMENTS[0], 1)])))
    assert str(tally) == "1 document in 2 s (0.5 per second)"


def test_no_document_takes_no_time() -> None:
    tally = Tally()
    assert list(tally.shown(tally.noted([]))) == []
    assert str(tally) == "0 documents in 0 s (0 per second)"


def test_the_bar_shows_the_bytes_of_predicted_documents(bars: list[Progress]) -> None:
    """The bar does not move while all documents are read before the first is predicted."""
    tally = Tally(total=300)
    read = list(tally.noted(zip(DOCUMENTS, POSITIONS, strict=True)))
    shown = tally.shown(read)
    positions = []
    for _ in shown:
        (task,) = bars[0].tasks
        positions.append(task.completed)
    assert positions == [0, 100, 250]
    assert (task.completed, task.total, task.description.split(",")[0]) == (300, 300, "3 documents")


def test_nothing_is_shown_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally(total=300)
    list(tally.shown(tally.noted(zip(DOCUMENTS, POSITIONS, strict=True))))
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_progress_and_speed(monkeypatch: pytest.MonkeyPatch, clock: None) -> None:
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    tally = Tally(total=300)
    list(tally.shown(tally.noted(zip(DOCUMENTS, POSITIONS, strict=True))))
    assert "3 documents, 0.5 per second" in screen.getvalue()


def test_a_bar_that_is_closed_early_is_removed(bars: list[Progress]) -> None:
    tally = Tally()
    shown = tally.shown(tally.noted(zip(DOCUMENTS, POSITIONS, strict=True)))
    next(shown)
    shown.close()
    assert not bars[0].live.is_started


@pytest.mark.parametrize(
    ("documents", "seconds", "expected"), [(5, 0, "0"), (1, 3, "0.333"), (123, 10, "12.3"), (25_000, 10, "2,500")]
)
def test_rate(documents: int, seconds: float, expected: str) -> None:
    assert rate(documents, seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.1234, "0.123 s"), (41.02, "41 s"), (60, "0:01:00"), (7384.6, "2:03:05")]
)
def test_duration(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected
