"""Identifiers of what is in a graph, derived from the content, so that the same documents give the same graph."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

from atlop.knowledge.merging import Key

_LONGEST = 40


def node_id(key: Key) -> str:
    """Return the identifier of the entity that a key stands for."""
    return _readable(key.name, *map(str, key))


@lru_cache(maxsize=256)
def document_id(title: str) -> str:
    """Return the identifier of a document."""
    return _readable(title, title)


def statement_id(title: str, head: int, tail: int, relation: str) -> str:
    """Return the identifier of a fact as a document states it; head and tail are the indices of clusters."""
    return f"{document_id(title)}-{head}-{tail}-{_digest(relation)}"


def _readable(name: str, *parts: str) -> str:
    """Return the beginning of a name, for readability, and a digest of the parts, for uniqueness."""
    letters = unicodedata.normalize("NFKD", name[: 4 * _LONGEST]).encode("ascii", "ignore").decode().lower()
    beginning = re.sub(r"[^a-z0-9]+", "-", letters)[:_LONGEST].strip("-")
    return f"{beginning}-{_digest(*parts)}" if beginning else _digest(*parts)


def _digest(*parts: str) -> str:
    # The lengths keep ("ab", "c") and ("a", "bc") apart.
    content = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
