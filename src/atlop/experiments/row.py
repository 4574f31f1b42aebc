"""One finished run of a sweep: what was trained, where and when, and how it scored on the dev documents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from atlop.errors import AtlopError, DataError, got, reason


@dataclass(frozen=True, kw_only=True)
class Row:
    """A run, and its scores.

    All scores after tuning are those of documents on which nothing was fitted: the calibration of each half of the dev
    documents was fitted on the other half.
    """

    sweep: str
    """Name of the sweep."""
    name: str
    """Name of the row, which all its seeds share."""
    seed: int
    settings: dict[str, Any]
    """Settings in which the row differs from the base of the sweep, ``model.`` ones by their full name."""
    command: str
    """The command that trains the same model."""
    published: dict[str, Any] = field(default_factory=dict)
    """``f1`` and ``source`` of a published run like this one, if there is any."""
    note: str = ""

    date: str
    """Day on which the run ended, in ISO form."""
    version: str
    """Version of atlop, with the commit in a checkout."""
    machine: dict[str, Any]
    """``processor``, ``vectors``, ``cores``, ``threads``, ``gpu`` if one was used, ``torch`` and ``precision``."""
    minutes: float
    """Minutes of training, the dev scores of each epoch included."""
    parameters: int
    """Number of weights."""
    documents: dict[str, int]
    """Number of ``train`` and ``dev`` documents."""

    untuned: dict[str, float]
    """``f1``, ``precision`` and ``recall`` at the threshold as it was trained."""
    tuned: dict[str, float]
    """``f1``, ``precision``, ``recall``, ``calibration_error`` and ``uncalibrated_error``, with one offset."""
    per_relation: dict[str, float]
    """The same with an offset for each relation."""
    breakdown: dict[str, float | None]
    """Scores of :meth:`~atlop.evaluation.Scores.to_json` and ``annotated_evidence_f1``, over all documents, tuned."""
    by_entities: list[dict[str, Any]]
    """``entities`` (a range such as ``11-15``), ``documents`` and ``f1`` of the documents in that range, tuned."""
    curve: list[tuple[float, float]]
    """Recall and precision at cuts of the margins from high to low."""
    reliability: dict[str, list[dict[str, float]]]
    """Bins of :func:`~atlop.evaluation.reliability` ``before`` and ``after`` the calibration."""
    by_identifier: dict[str, float] = field(default_factory=dict)
    """``f1``, ``precision`` and ``recall`` on the dev documents in PubTator format, tuned, if there are any."""
    history: list[dict[str, float]] = field(default_factory=list)
    """One entry per epoch: ``epoch``, ``loss`` and the dev scores, untuned and tuned."""

    @property
    def key(self) -> tuple[str, int]:
        """What identifies a row in its sweep."""
        return self.name, self.seed

    @classmethod
    def from_json(cls, stored: object) -> Row:
        """Read what :meth:`to_json` returned.

        Raises:
            DataError: if it is something else.
        """
        known = {entry.name for entry in fields(cls)}
        if not isinstance(stored, Mapping) or not known >= stored.keys() >= {"sweep", "name", "seed", "tuned"}:
            raise DataError(f"got {got(stored)}, expected a row that `atlop sweep` wrote")
        try:
            row = cls(**stored)
        except TypeError as error:
            raise DataError(f"got a row of another version: {reason(error)}; run the sweep again") from error
        for entry in fields(cls):
            if not _fits(value := getattr(row, entry.name), str(entry.type)):
                raise DataError(f"got {got(value)}, expected {entry.type}", field=entry.name)
        return row

    def to_json(self) -> dict[str, Any]:
        """Return the object of one line of a results file."""
        return asdict(self)


KINDS: dict[str, Any] = {"str": str, "int": int, "float": (int, float), "dict": dict, "list": list}
"""The types of fields as JSON has them."""

NUMBERS: dict[str, Any] = {
    "str, float]": (int, float),
    "str, int]": int,
    "str, float | None]": (int, float, type(None)),
}
"""The types of the values in objects of numbers."""


def _fits(value: Any, kind: str) -> bool:
    """Return whether a value is of the type of a field; scores must be numbers, or null where there may be none."""
    outer, _, inner = kind.partition("[")
    if not isinstance(value, KINDS[outer]) or isinstance(value, bool):
        return False
    return inner not in NUMBERS or all(isinstance(number, NUMBERS[inner]) for number in value.values())


def read_rows(path: Path) -> list[Row]:
    """Read the rows of a results file.

    Raises:
        AtlopError: if it cannot be read.
        DataError: naming the line that is not a row.
    """
    try:
        with path.open(encoding="utf-8") as file:  # not splitlines(), which also splits at separators within a name
            lines = list(file)
    except (OSError, ValueError) as error:
        raise AtlopError(f"{path}: cannot be read: {reason(error)}") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(Row.from_json(json.loads(line)))
        except (ValueError, RecursionError) as error:
            raise DataError(f"not readable as JSON: {reason(error)}", file=f"{path}: line {number}") from error
        except DataError as error:
            raise error.inside(file=f"{path}: line {number}") from error
    return rows


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a results file, whole or not at all.

    Raises:
        AtlopError: if it cannot be written.
    """
    staged = path.with_name(f".{path.name}")
    try:
        staged.write_text("".join(json.dumps(row.to_json(), ensure_ascii=False) + "\n" for row in rows), "utf-8")
        staged.replace(path)
    except OSError as error:
        staged.unlink(missing_ok=True)
        raise AtlopError(f"{path}: cannot be written: {reason(error)}") from error
