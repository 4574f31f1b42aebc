"""The start of the commands that compute: quick, and with bounded caches."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
"""Environment variables that bound the caches of oneDNN and of the layer between it and torch.

Both keep code for every size of input that they meet, 1,024 sizes by default: gigabytes where every document has
another length, for no gain in speed. They are read when first needed, so they must be set before torch computes.
"""


@contextmanager
def loading() -> Iterator[None]:
    """Import torch and load a model quickly, with bounded caches; what the user has set stays as it is."""
    for name in CACHES:
        os.environ.setdefault(name, "64")
    with without_gc():
        yield


@contextmanager
def without_gc() -> Iterator[None]:
    """Import and load without garbage collection.

    Importing a model library makes more than half a million objects, nearly all of which live until the process ends.
    Scanning them again and again takes a fifth of the time. Those that exist at the end are never scanned again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
