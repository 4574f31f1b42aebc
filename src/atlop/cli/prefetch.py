"""Items that a thread fetches before they are needed."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")

PATIENCE = 1.0
"""Seconds to wait for the thread to stop; one that is blocked on a pipe ends with the process."""


@dataclass(frozen=True)
class _End:
    """Marker of the end of the items, with the error that ended them, if any."""

    error: BaseException | None = None


def prefetch(items: Iterable[Item], size: int) -> Generator[Item, None, None]:
    """Yield items in the same order while a thread fetches the next ones.

    An error in the source is raised after the items before it. The thread ends after the last item, or when the
    iterator is closed.

    Args:
        items: the source.
        size: the maximum number of items that wait, at least 1; the thread may hold one more.
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
    except BaseException as error:  # whatever it is, only the consumer can handle it
        end = _End(error)
    waiting.put(end)


def _empty(waiting: Queue[Item | _End]) -> None:
    """Drop all waiting items, so that a thread that waits for room sees that it must stop."""
    try:
        while True:
            waiting.get_nowait()
    except Empty:
        pass
