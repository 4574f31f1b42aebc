"""A quick start of the commands that load a model."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_gc() -> Iterator[None]:
    """Import and load without looking for garbage in between.

    A model library makes more than half a million objects when it is imported. Nearly all of them stay to the end, and
    looking through them again and again takes a fifth of the time. What is there in the end is never looked at again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
