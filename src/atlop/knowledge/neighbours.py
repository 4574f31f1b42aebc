"""Which entities have a fact in common, as arrays: a path is found quickly, however many facts an entity has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Every entity with those to which a fact connects it, as head or as tail."""

    ids: NDArray[np.bytes_]
    """The identifiers of the entities, sorted."""
    starts: NDArray[np.int64]
    """Where the neighbours of each entity begin, and where those of the last one end."""
    others: NDArray[np.int64]
    """The neighbours of all entities, one entity after another, as indices into ``ids``."""

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Neighbours:
        """Return the neighbours given by pairs of identifiers."""
        named = np.array([*pairs], dtype=np.bytes_).reshape(-1, 2)
        ids, places = np.unique(named, return_inverse=True)
        both = places.reshape(-1, 2)
        directed = np.unique(np.concatenate([both, both[:, ::-1]]), axis=0)
        starts = np.searchsorted(directed[:, 0], np.arange(len(ids) + 1))
        return cls(ids, starts.astype(np.int64), directed[:, 1].astype(np.int64))

    @classmethod
    def read(cls, path: Path) -> Neighbours:
        """Read what :meth:`write` wrote."""
        with path.open("rb") as file, np.load(file) as stored:
            return cls(stored["ids"], stored["starts"], stored["others"])

    def write(self, path: Path) -> None:
        """Write the arrays to a file."""
        with path.open("wb") as file:
            np.savez(file, ids=self.ids, starts=self.starts, others=self.others)

    def path(self, starts: Iterable[str], ends: Iterable[str]) -> list[str]:
        """Return the identifiers on a shortest path, with both ends; empty if there is none.

        Args:
            starts: the identifiers of which one begins the path.
            ends: those of which one ends it.
        """
        front, last = self._places(starts), self._places(ends)
        if not len(last):
            return []
        came_from = np.full(len(self.ids), -1)
        came_from[front] = front
        while len(front) and (came_from[last] < 0).all():
            front = self._grown(front, came_from)
        reached = last[came_from[last] >= 0]
        return self._traced(came_from, int(reached[0])) if len(reached) else []

    def _places(self, names: Iterable[str]) -> NDArray[np.int64]:
        """Return the indices of identifiers, without those that have no neighbours."""
        named = [name.encode() for name in names]
        places = ((int(np.searchsorted(self.ids, name)), name) for name in named)
        found = [place for place, name in places if place < len(self.ids) and self.ids[place] == name]
        return np.array(found, dtype=np.int64)

    def _grown(self, front: NDArray[Any], came_from: NDArray[Any]) -> NDArray[Any]:
        """Record from where the neighbours of a front are reached, and return those not reached before."""
        counts = self.starts[front + 1] - self.starts[front]
        before = np.cumsum(counts) - counts
        far = self.others[np.arange(counts.sum()) + np.repeat(self.starts[front] - before, counts)]
        near = np.repeat(front, counts)
        new = came_from[far] < 0
        came_from[far[new]] = near[new]
        return np.unique(far[new])

    def _traced(self, came_from: NDArray[Any], last: int) -> list[str]:
        places = [last]
        while (before := int(came_from[places[-1]])) != places[-1]:  # a start comes from itself
            places.append(before)
        return [self.ids[place].decode() for place in reversed(places)]
