"""How far long work is and how fast it goes."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from atlop.documents import Document


class Tally:
    """Counts predicted documents and, where the standard error is a terminal, shows how far and how fast it goes.

    Args:
        total: bytes of the whole input, by which the bar and the time left are told; ``None`` where it is not known.
    """

    def __init__(self, total: int | None = None) -> None:
        self.total, self.documents, self.seconds = total, 0, 0.0
        self._places: deque[int] = deque()

    def noted(self, rows: Iterable[tuple[Document, int]]) -> Iterator[Document]:
        """Give the documents that are to be predicted, and remember how many bytes of the input each of them takes.

        Args:
            rows: documents, each with the bytes that were read when it was.
        """
        for document, place in rows:
            self._places.append(place)
            yield document

    def shown(self, predicted: Iterable[Document]) -> Generator[Document, None, None]:
        """Give the predicted documents, in the order in which :meth:`noted` gave them."""
        with progress_bar() as bar:
            task = bar.add_task("0 documents", total=self.total)
            started = time.perf_counter()
            for document in predicted:
                yield document
                self.documents += 1
                self.seconds = time.perf_counter() - started
                told = f"{self.documents:,} documents, {rate(self.documents, self.seconds)} a second"
                bar.update(task, completed=self._places.popleft(), description=told)

    def __str__(self) -> str:
        count = "1 document" if self.documents == 1 else f"{self.documents:,} documents"
        return f"{count} in {duration(self.seconds)} ({rate(self.documents, self.seconds)} a second)"


def progress_bar() -> Progress:
    """Make a bar on the standard error, which goes when it is done and is not shown unless that is a terminal."""
    columns = BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), TimeRemainingColumn()
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def rate(documents: float, seconds: float) -> str:
    """Tell how many documents a second went by, to three digits."""
    found = documents / seconds if seconds else 0.0
    return f"{found:,.0f}" if found >= 100 else f"{found:.3g}"


def duration(seconds: float) -> str:
    """Tell a time in seconds or, from a minute on, as hours, minutes and seconds."""
    return f"{seconds:.3g} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))
