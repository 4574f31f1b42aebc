"""Identifiers for entities that are to be written to a form that knows an entity by its identifier only."""

from __future__ import annotations

from collections import Counter

from atlop.documents import Document
from atlop.errors import DataError


def unique_identifiers(document: Document) -> tuple[str, ...]:
    """Give every entity an identifier of its own: the one it has, else ``E`` and its index.

    Raises:
        DataError: if two entities share one, as the file would make them one entity.
    """
    known = Counter(entity.identifier for entity in document.entities if entity.identifier is not None)
    shared = next((identifier for identifier, count in known.items() if count > 1), None)
    if shared is not None:
        problem = f"got the identifier {shared!r} in {known[shared]} entities, expected each to have its own"
        raise DataError(problem, document=document.title, field="entities")
    return tuple(
        _made_up(index, known) if entity.identifier is None else entity.identifier
        for index, entity in enumerate(document.entities)
    )


def _made_up(index: int, known: Counter[str]) -> str:
    identifier = f"E{index}"
    while identifier in known:
        identifier += "_"
    return identifier
