"""One finished run of a sweep: what was trained, where and when, and how it scored on the dev documents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import chain
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from atlop.errors import AtlopError, DataError, got, reason
from atlop.experiments.plan import NAME


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
    config: dict[str, Any] = field(default_factory=dict)
    """All settings but the seed and those that name files and models; empty in rows of earlier versions."""
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
    """One entry per epoch: ``epoch``, ``loss`` once one was logged, and the dev scores, untuned and tuned."""

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
        _check(row)
        return row

    def to_json(self) -> dict[str, Any]:
        """Return the object of one line of a results file."""
        return asdict(self)


SHAPES: dict[str, dict[str, type]] = {
    "published": {"f1": float, "source": str},
    "machine": {"processor": str},
    "documents": {"train": int, "dev": int},
    "tuned": {"f1": float, "precision": float, "recall": float},
    "by_entities": {"entities": str, "documents": int, "f1": float},
    "reliability": {"confidence": float, "right": float},
    "history": {"epoch": float},
}
"""What reports show of the objects in some fields."""


def _check(row: Row) -> None:
    """Check the types of all fields, and what reports show of their objects.

    Raises:
        DataError: naming the first field that is wrong.
    """
    kinds = get_type_hints(Row)
    for entry in fields(Row):
        if not _fits(value := getattr(row, entry.name), kinds[entry.name]):
            raise DataError(f"got {got(value)}, expected {entry.type}", field=entry.name)
    for name, shape in SHAPES.items():
        for part in _objects(name, getattr(row, name)):
            if not all(_fits(part.get(key), kind) for key, kind in shape.items()):
                expected = ", ".join(f"{key} ({kind.__name__})" for key, kind in shape.items())
                raise DataError(f"got {got(part)}, expected an object with {expected}", field=name)
    if not NAME.fullmatch(row.sweep):  # it becomes part of the names of files
        raise DataError(f"got {got(row.sweep)}, expected lower-case letters, digits and hyphens", field="sweep")


def _objects(name: str, value: Any) -> Iterable[dict[str, Any]]:
    """Return the objects of a field."""
    if name == "reliability":
        return chain.from_iterable(value.values())
    if isinstance(value, list):
        return value
    return () if name == "published" and not value else (value,)


def _fits(value: Any, kind: Any) -> bool:
    """Return whether a value is of a type, given that JSON has no tuples and writes some numbers as integers."""
    outer, inner = get_origin(kind) or kind, get_args(kind)
    if outer is Any:
        return True
    if outer is UnionType:
        return any(_fits(value, one) for one in inner)
    if outer is dict:
        return isinstance(value, dict) and all(_fits(part, inner[1]) for part in value.values())
    if outer is list:
        return isinstance(value, list) and all(_fits(part, inner[0]) for part in value)
    if outer is tuple:
        return isinstance(value, list | tuple) and len(value) == len(inner) and all(map(_fits, value, inner))
    return isinstance(value, (int, float) if outer is float else outer) and not isinstance(value, bool)


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
