from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from atlop.cli import prefetch as module
from atlop.cli.prefetch import prefetch

LONG = 60
"""Seconds after which a missing thread is a failure."""


class Source:
    """Numbers from 0 on; counts those taken and notes when it is closed."""

    def __init__(self) -> None:
        self.taken, self.closed = 0, threading.Event()
        self.asked = threading.Semaphore(0)

    def numbers(self, count: int) -> Iterator[int]:
        try:
            for number in range(count):
                self.taken += 1
                self.asked.release()
                yield number
        finally:
            self.closed.set()


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("count", [0, 1, 50])
def test_every_item_comes_in_the_same_order(count: int, size: int) -> None:
    assert list(prefetch(range(count), size)) == list(range(count))


@pytest.mark.parametrize("size", [1, 3])
def test_a_fixed_number_of_items_is_fetched_ahead(size: int) -> None:
    source = Source()
    items = prefetch(source.numbers(1000), size)
    for yielded in range(1, 20):
        next(items)
        while source.taken < yielded + size + 1:  # those yielded, those that wait, and the one that the thread holds
            assert source.asked.acquire(timeout=LONG)
        time.sleep(0.001)
        assert source.taken == yielded + size + 1
    items.close()


def test_nothing_is_taken_before_it_is_asked_for() -> None:
    source = Source()
    prefetch(source.numbers(3), 2)
    assert source.taken == 0


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt(), SystemExit(3)])
def test_an_error_is_raised_after_the_items_before_it(error: BaseException) -> None:
    def failing() -> Iterator[int]:
        yield from range(5)
        raise error

    items = prefetch(failing(), 2)
    assert [next(items) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(type(error)) as caught:
        next(items)
    assert caught.value is error


@pytest.mark.parametrize("yielded", [1, 10, 999])
def test_closing_ends_the_thread_and_closes_the_source(yielded: int) -> None:
    before = threading.active_count()
    source = Source()
    items = prefetch(source.numbers(1000), 3)
    for _ in range(yielded):
        next(items)
    items.close()
    assert threading.active_count() == before
    assert source.closed.is_set()


def test_a_consumer_that_fails_ends_the_thread() -> None:
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        for number in prefetch(iter([2, 1, 0, 1]), 1):
            assert 1 / number
    # The error that pytest holds no longer holds the iterator of the loop.
    assert threading.active_count() == before


def test_closing_does_not_wait_for_a_source_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    more = threading.Event()

    def waiting() -> Iterator[int]:
        yield 0
        more.wait(LONG)

    before = set(threading.enumerate())
    items = prefetch(waiting(), 1)
    assert next(items) == 0
    items.close()
    (thread,) = set(threading.enumerate()) - before
    more.set()
    thread.join(LONG)
    assert not thread.is_alive()
