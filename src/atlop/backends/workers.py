"""Threads that each compute on a share of the cores of a CPU.

Several batches at a time on a few threads each take less time than one batch after another on all of them: no thread
waits for the others after every operation, and what an operation does on one thread is done by all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import torch

from atlop.limits import CPU_WORKERS

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """As many threads as torch computes on, at most :data:`~atlop.limits.CPU_WORKERS`."""

    def __init__(self) -> None:
        threads = torch.get_num_threads()
        self.count = min(threads, CPU_WORKERS)
        self._pool = ThreadPoolExecutor(self.count, "atlop")
        if self.count > 1:
            self._start(threads // self.count)
            # Torch takes the last number set as the default of threads to come, such as the caller's.
            torch.set_num_threads(threads)

    def _start(self, threads: int) -> None:
        """Start all workers, each to compute on so many threads."""
        together = Barrier(self.count)

        def limit() -> None:
            torch.set_num_threads(threads)
            together.wait()

        for started in [self._pool.submit(limit) for _ in range(self.count)]:
            started.result()

    def run(self, function: Callable[[], Result]) -> Result:
        """Call a function in a worker."""
        return self._pool.submit(function).result()

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, alone: Callable[[Item], bool]
    ) -> Iterator[Result]:
        """Yield the result for each item, in the same order.

        Args:
            function: what to call, here or in a worker.
            items: no more of them are taken than the workers and one waiting.
            alone: returns whether an item is so large that all threads should work on it; so they do on a single item.
        """
        waiting: deque[Future[Result]] = deque()
        try:
            for item, single in _told_single(items):
                if single or self.count == 1 or alone(item):
                    yield from _drain(waiting)
                    yield function(item)
                    continue
                waiting.append(self._pool.submit(function, item))
                if len(waiting) > self.count:
                    yield waiting.popleft().result()
            yield from _drain(waiting)
        finally:
            for future in waiting:
                future.cancel()


def _told_single(items: Iterable[Item]) -> Iterator[tuple[Item, bool]]:
    """Yield each item with whether it is the only one."""
    before: list[Item] = []
    single = True
    for item in items:
        if before:
            single = False
            yield before.pop(), False
        before.append(item)
    for item in before:
        yield item, single


def _drain(waiting: deque[Future[Result]]) -> Iterator[Result]:
    while waiting:
        yield waiting.popleft().result()
