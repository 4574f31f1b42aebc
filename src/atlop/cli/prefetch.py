"""Work that a thread does ahead of where it is needed."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")

PATIENCE = 1.0
"""Seconds to wait for a thread that was told to end; one that waits for more of a pipe ends with the process."""


@dataclass(frozen=True)
class _End:
    """What comes after the last item: nothing, or the error that kept the next from coming."""

    error: BaseException | None = None


def prefetch(items: Iterable[Item], size: int) -> Generator[Item, None, None]:
    """Give items in their order, while a thread takes up to so many from their source ahead.

    An error of the source is raised in its place. The thread ends after the last item, or when the iterator is closed.

    Args:
        items: their source.
        size: the most items that wait, at least 1; the thread may hold one more.
    """
    waiting: Queue[Item | _End] = Queue(size)
    closed = Event()
    thread = Thread(target=_fill, args=(waiting, items, closed), daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        closed.set()
        _empty(waiting)
        thread.join(PATIENCE)


def _fill(waiting: Queue[Item | _End], items: Iterable[Item], closed: Event) -> None:
    try:
        for item in items:
            waiting.put(item)
            if closed.is_set():
                return
        end = _End()
    except BaseException as error:  # whatever it is, only the one who waits for the item can handle it
        end = _End(error)
    waiting.put(end)


def _empty(waiting: Queue[Item | _End]) -> None:
    """Take all that waits, so that a thread that waits for room sees that it is to end."""
    try:
        while True:
            waiting.get_nowait()
    except Empty:
        pass
