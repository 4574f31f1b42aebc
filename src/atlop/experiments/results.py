"""The finished rows of a sweep, with the seeds of each row together: what the tables and figures of a report show."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from atlop.errors import DataError, shown
from atlop.experiments.row import Row

Score = Callable[[Row], float | None]
"""Looks up a score from 0 to 1 in a row; ``None`` if the row has none."""


def score(kind: str, name: str) -> Score:
    """Return the lookup of a score, such as ``f1`` of the kind ``tuned``."""
    return lambda row: getattr(row, kind).get(name)


def entities_score(entities: str) -> Score:
    """Return the lookup of the F1 of documents whose number of entities is in a range."""
    return lambda row: next((part["f1"] for part in row.by_entities if part["entities"] == entities), None)


def swing(name: str) -> Score:
    """Return the lookup of the mean change of a dev score from one epoch to the next, in the second half of a run."""
    return lambda row: _mean_change([entry[name] for entry in row.history if name in entry])


def _mean_change(values: list[float]) -> float | None:
    changes = [abs(after - before) for before, after in pairwise(values[len(values) // 2 :])]
    return statistics.fmean(changes) if changes else None


TUNED_F1 = score("tuned", "f1")


def seed_score(seed: int) -> Score:
    """Return the lookup of the F1 that rows are compared by, in the run of one seed."""
    return lambda row: TUNED_F1(row) if row.seed == seed else None


@dataclass(frozen=True)
class Estimate:
    """A score over seeds, in points."""

    mean: float
    deviation: float | None
    """Sample standard deviation; ``None`` with one seed."""

    @classmethod
    def of(cls, values: list[float]) -> Estimate:
        """Summarize the values of at least one seed."""
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


@dataclass(frozen=True)
class Group:
    """The runs of one row, one for each seed."""

    name: str
    rows: tuple[Row, ...]

    @property
    def f1(self) -> Estimate:
        """The F1 that rows are compared by: tuned, with one offset."""
        return Estimate.of(self.values(TUNED_F1))

    @property
    def published(self) -> dict[str, Any]:
        """The published score, if there is any."""
        return next((row.published for row in self.rows if row.published), {})

    def values(self, found: Score) -> list[float]:
        """Return a score of each seed that has it, in points."""
        return [100 * value for row in self.rows if (value := found(row)) is not None]

    def estimate(self, found: Score) -> Estimate | None:
        """Summarize a score; ``None`` if no seed has it."""
        values = self.values(found)
        return Estimate.of(values) if values else None


@dataclass(frozen=True)
class Results:
    """The rows of one sweep, in the order in which they first appear."""

    sweep: str
    groups: tuple[Group, ...]

    @property
    def rows(self) -> list[Row]:
        """Every run."""
        return [row for group in self.groups for row in group.rows]

    @property
    def entities(self) -> list[str]:
        """The ranges of numbers of entities, in order."""
        return list(dict.fromkeys(part["entities"] for row in self.rows for part in row.by_entities))

    def any(self, found: Score) -> bool:
        """Return whether a score is above 0 in some run; if not, the documents have nothing to score."""
        return any(found(row) for row in self.rows)


def by_sweep(rows: Iterable[Row]) -> list[Results]:
    """Sort rows into sweeps and groups, each in the order of first appearance.

    Raises:
        DataError: if two rows are the same run.
    """
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        found.setdefault(row.sweep, {}).setdefault(row.name, []).append(row)
    _check_distinct([row for groups in found.values() for runs in groups.values() for row in runs])
    return [
        Results(sweep, tuple(Group(name, tuple(runs)) for name, runs in groups.items()))
        for sweep, groups in found.items()
    ]


def _check_distinct(rows: list[Row]) -> None:
    for (sweep, name, seed), count in Counter((row.sweep, *row.key) for row in rows).items():
        if count > 1:
            raise DataError(f"sweep {sweep}: got row {shown(name)}, seed {seed}, {count} times, expected it once")
