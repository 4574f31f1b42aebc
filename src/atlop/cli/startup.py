"""Fast startup of the commands that compute, with bounded caches."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
"""Environment variables that bound the caches of oneDNN and of the layer between it and torch.

Both caches keep code for each input size that they meet, up to 1,024 sizes by default: gigabytes where every document
has a different length, for no gain in speed. The variables are read when first needed, so they must be set before torch
computes.
"""


@contextmanager
def loading() -> Iterator[None]:
    """Import torch and load a model quickly, with bounded caches; variables that the user has set are kept."""
    for name in CACHES:
        os.environ.setdefault(name, "64")
    with without_gc():
        yield


@contextmanager
def without_gc() -> Iterator[None]:
    """Import and load without garbage collection.

    Importing a model library creates more than half a million objects, nearly all of which live until the process ends.
    Scanning them again and again takes a fifth of the time. Objects that exist at the end are never scanned again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
