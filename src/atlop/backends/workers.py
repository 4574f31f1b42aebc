"""Threads that each compute on a share of the cores of a CPU.

Several batches at a time on a few threads each take less time than one batch after another on all of them: no thread
waits for the others after every operation, and the single-threaded parts of operations overlap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Lock
from typing import TypeVar

import torch

from atlop.limits import CPU_WORKERS

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """As many threads as torch computes on when they start, at most :data:`~atlop.limits.CPU_WORKERS`.

    Torch keeps the number of threads of its own operations for each calling thread, but that of its matrix products for
    the whole process. So it is lowered while the workers compute, and restored whenever the caller runs.
    """

    _lock, _active, _threads = Lock(), 0, 1
    """Of all workers of the process: how many calls are in progress, and the number of threads to restore."""

    def __init__(self) -> None:
        with self._shared():
            self.count = min(Workers._threads, CPU_WORKERS)
            self._pool = ThreadPoolExecutor(self.count, "atlop")
            together = Barrier(self.count)

            def start() -> None:
                self._share()
                together.wait()

            for started in [self._pool.submit(start) for _ in range(self.count)]:
                started.result()

    @contextmanager
    def _shared(self) -> Iterator[None]:
        """Restore the number of threads at the end; it is read only while no call has lowered it."""
        with Workers._lock:
            Workers._threads = Workers._threads if Workers._active else torch.get_num_threads()
            Workers._active += 1
        try:
            yield
        finally:
            with Workers._lock:
                self._restore()
                Workers._active -= 1

    def _share(self) -> None:
        torch.set_num_threads(max(1, Workers._threads // self.count))

    def _restore(self) -> None:
        torch.set_num_threads(Workers._threads)

    def run(self, function: Callable[[], Result]) -> Result:
        """Call a function in a worker."""
        with self._shared():
            self._share()
            return self._pool.submit(function).result()

    def map(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, alone: Callable[[Item], bool]
    ) -> Iterator[Result]:
        """Yield the result for each item, in the same order.

        Args:
            function: what to call, here or in a worker.
            items: taken lazily, at most two more than there are workers ahead of the results.
            alone: returns whether an item is so large that all threads should work on it, as they do on a single item.
        """
        waiting: deque[Future[Result]] = deque()
        with self._shared():
            try:
                for item, single in _marked_single(items):
                    if single or self.count == 1 or alone(item):
                        yield from self._results(waiting, len(waiting))
                        self._restore()
                        yield function(item)
                        continue
                    self._share()
                    waiting.append(self._pool.submit(function, item))
                    yield from self._results(waiting, len(waiting) - self.count)
                yield from self._results(waiting, len(waiting))
            finally:
                for future in waiting:
                    future.cancel()

    def _results(self, waiting: deque[Future[Result]], count: int) -> Iterator[Result]:
        """Yield the results of the first ``count`` that are waiting."""
        for _ in range(count):
            result = waiting.popleft().result()
            self._restore()
            yield result
            self._share()


def _marked_single(items: Iterable[Item]) -> Iterator[tuple[Item, bool]]:
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
