"""Identifiers for formats that know an entity only by its identifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set

from atlop.documents import Document
from atlop.errors import DataError


def unique_identifiers(document: Document, *, unlinked: Set[str] = frozenset()) -> tuple[str, ...]:
    """Return a unique identifier for each entity: its own, or else ``E`` and its index.

    Args:
        document: the document.
        unlinked: identifiers that count as none.

    Raises:
        DataError: if two entities share an identifier, since the file would merge them.
    """
    own = [None if entity.identifier in unlinked else entity.identifier for entity in document.entities]
    known = Counter(identifier for identifier in own if identifier is not None)
    shared = next((identifier for identifier, count in known.items() if count > 1), None)
    if shared is not None:
        problem = f"got the identifier {shared!r} in {known[shared]} entities, expected a different one in each"
        raise DataError(problem, document=document.title, field="entities")
    return tuple(_made_up(e, known) if identifier is None else identifier for e, identifier in enumerate(own))


def _made_up(index: int, known: Counter[str]) -> str:
    identifier = f"E{index}"
    while identifier in known:
        identifier += "_"
    return identifier
