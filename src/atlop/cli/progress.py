"""Progress and speed of long-running work."""

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
    """Count predicted documents and show a progress bar where standard error is a terminal.

    Args:
        total: size of the input in bytes, from which progress and the time left are computed; ``None`` if unknown.
    """

    def __init__(self, total: int | None = None) -> None:
        self.total, self.documents, self.seconds = total, 0, 0.0
        self._positions: deque[int] = deque()

    def noted(self, rows: Iterable[tuple[Document, int]]) -> Iterator[Document]:
        """Yield the documents to predict and remember the position of each in the input.

        Args:
            rows: documents, each with the number of bytes read so far.
        """
        for document, position in rows:
            self._positions.append(position)
            yield document

    def shown(self, predicted: Iterable[Document]) -> Generator[Document, None, None]:
        """Yield the predicted documents, in the same order as :meth:`noted`, and count them."""
        with progress_bar() as bar:
            task = bar.add_task("0 documents", total=self.total)
            started = time.perf_counter()
            for document in predicted:
                yield document
                self.documents += 1
                self.seconds = time.perf_counter() - started
                shown = f"{self.documents:,} documents, {rate(self.documents, self.seconds)} per second"
                bar.update(task, completed=self._positions.popleft(), description=shown)

    def __str__(self) -> str:
        count = "1 document" if self.documents == 1 else f"{self.documents:,} documents"
        return f"{count} in {duration(self.seconds)} ({rate(self.documents, self.seconds)} per second)"


def progress_bar() -> Progress:
    """Return a bar for standard error, shown only in a terminal and removed at the end."""
    columns = BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), TimeRemainingColumn()
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def rate(documents: float, seconds: float) -> str:
    """Format documents per second, to three significant digits or, from 100 on, as a whole number."""
    found = documents / seconds if seconds else 0.0
    return f"{found:,.0f}" if found >= 100 else f"{found:.3g}"


def duration(seconds: float) -> str:
    """Format a duration in seconds or, from a minute on, as hours, minutes and seconds."""
    return f"{seconds:.3g} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))
