"""Quads of a store that match a pattern."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyoxigraph import DefaultGraph, Store

DEFAULT = DefaultGraph()
"""The default graph, of what is merged; those of the documents are named graphs."""


def matching(
    database: Store, subject: Any = None, predicate: Any = None, value: Any = None, *, graph: Any = None
) -> Iterator[Any]:
    """Yield the quads that match; ``None`` matches anything.

    Args:
        database: the store.
        subject: an IRI.
        predicate: an IRI.
        value: the object, an IRI or a literal.
        graph: the IRI of a named graph, or :data:`DEFAULT`.
    """
    return database.quads_for_pattern(subject, predicate, value, graph)
