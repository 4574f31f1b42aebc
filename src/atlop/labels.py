"""Relation names and the columns of the score matrix; column 0 belongs to the threshold.

A label map is stored in the model folder, so that a model needs no file beside it.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlop.errors import LabelError, got, reason
from atlop.type_constraints import TypeConstraints

MOST_RELATIONS = 2**14
"""Maximum number of relations; a larger label map is taken for a damaged file."""

_BIOMEDICAL_LABEL = re.compile(r"\d+:(\w+):\d+")
"""How the preprocessed CDR and GDA files write a relation, such as ``1:CID:2``."""


def plain_name(label: str) -> str:
    """Strip the argument numbers that the preprocessed CDR and GDA files put around a relation.

    Args:
        label: a label as a corpus writes it; ``1:CID:2`` becomes ``CID``, any other is returned unchanged.
    """
    match = _BIOMEDICAL_LABEL.fullmatch(label)
    return match.group(1) if match else label


@dataclass(frozen=True)
class LabelMap:
    """Relation types in the order of their columns.

    Raises:
        LabelError: if a name is empty or repeated, or there are too many.
    """

    relations: tuple[str, ...]
    """Name of the relation in column 1, 2, ..., such as ``P27``."""
    display_names: Mapping[str, str] = field(default_factory=dict)
    """Display names, such as ``country of citizenship``, of some or all relations."""
    threshold: str = "Na"
    """The corpus's name for column 0, the class that means no relation and serves as the threshold."""
    type_constraints: TypeConstraints | None = None
    """The entity types that the relations connect in training; ``None`` if unknown."""

    def __post_init__(self) -> None:
        if not all(isinstance(name, str) and name for name in self.relations):
            problem = "an empty or non-string name"
        elif repeated := sorted(name for name, count in Counter(self.relations).items() if count > 1):
            problem = f"the names {got(repeated)} more than once"
        elif len(self.relations) > MOST_RELATIONS:
            raise LabelError(f"label map: got {len(self.relations)} relations, expected at most {MOST_RELATIONS}")
        else:
            object.__setattr__(self, "_columns", {name: i for i, name in enumerate(self.relations, start=1)})
            return
        raise LabelError(f"label map: got {problem}, expected every relation to have one name of its own")

    def __len__(self) -> int:
        """Return the number of columns, the threshold's included."""
        return len(self.relations) + 1

    def column(self, relation: str) -> int:
        """Return the column of a relation.

        Raises:
            LabelError: if the label map has no such relation.
        """
        columns: dict[str, int] = self.__dict__["_columns"]
        if relation not in columns:
            close = difflib.get_close_matches(relation, self.relations, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise LabelError(f"unknown relation {relation!r}: the label map has {len(columns)} relations{hint}")
        return columns[relation]

    @property
    def entity_types(self) -> tuple[str, ...]:
        """The entity types of the training documents, in alphabetical order; empty if they are unknown."""
        return () if self.type_constraints is None else tuple(sorted(self.type_constraints.tails))

    def relation(self, column: int) -> str:
        """Return the name of the relation in a column, counted from 1."""
        return self.relations[column - 1]

    def display_name(self, relation: str) -> str:
        """Return the display name of a relation, or its own name if it has none."""
        return self.display_names.get(relation, relation)

    def to_json(self) -> dict[str, Any]:
        """Return the object that a model folder stores."""
        rows = [{"name": name, "display_name": self.display_name(name)} for name in self.relations]
        types = {} if self.type_constraints is None else self.type_constraints.to_json()
        return {"threshold": self.threshold, "relations": rows, **types}

    @classmethod
    def from_json(cls, stored: Any) -> LabelMap:
        """Read what :meth:`to_json` returned.

        Raises:
            LabelError: if the stored object is not a label map.
        """
        try:
            rows = [(row["name"], row["display_name"]) for row in stored["relations"]]
            threshold = stored["threshold"]
            if not all(isinstance(value, str) for value in (threshold, *(name for row in rows for name in row))):
                raise TypeError("a label map holds nothing but strings")
        except (KeyError, TypeError) as error:
            expected = 'expected {"threshold": string, "relations": [{"name": string, "display_name": string}, ...]}'
            raise LabelError(f"label map: got {got(stored)}, {expected}") from error
        display_names = {name: shown for name, shown in rows if shown != name}
        return cls(tuple(name for name, _ in rows), display_names, threshold, TypeConstraints.from_json(stored))

    @classmethod
    def from_columns(cls, columns: Any, display_names: Mapping[str, str] | None = None) -> LabelMap:
        """Read the usual ``rel2id.json``: relation name to column, where column 0 is the threshold whatever its name.

        Args:
            columns: the mapping.
            display_names: display names, as in ``rel_info.json``.

        Raises:
            LabelError: unless the columns are the integers from 0 up, each exactly once.
        """
        if not isinstance(columns, Mapping) or not columns:
            raise LabelError(f"label map: got {got(columns)}, expected a mapping of relation names to columns")
        place = {str(index): index for index in range(len(columns))}
        if len(columns) != len({place.get(_digits(column)) for column in columns.values()} - {None}):
            problem = f"got the columns {got(sorted(columns.values(), key=_digits))}"
            raise LabelError(f"label map: {problem}, expected 0 to {len(columns) - 1}, each once")
        names = [plain_name(name) for name in sorted(columns, key=lambda name: place[_digits(columns[name])])]
        return cls(tuple(names[1:]), _only(names[1:], display_names), names[0])

    @classmethod
    def from_relations(cls, relations: Iterable[str], display_names: Mapping[str, str] | None = None) -> LabelMap:
        """Make a label map of the relations of a corpus, in alphabetical order."""
        names = tuple(sorted(set(relations)))
        return cls(names, _only(names, display_names))


def _only(names: Iterable[str], display_names: Mapping[str, str] | None) -> dict[str, str]:
    given = display_names or {}
    return {name: given[name] for name in names if name in given}


def _digits(column: object) -> str:
    """Return a column as a string; anything but an integer or its digits gives a string that is not a column."""
    return str(column) if isinstance(column, str | int | float) else "none"


def read_columns(path: Path, display_names: Mapping[str, str] | None = None) -> LabelMap:
    """Read a label map from a ``rel2id.json``.

    Args:
        path: the file.
        display_names: display names, as in ``rel_info.json``.

    Raises:
        LabelError: naming the file and what is wrong with it.
    """
    columns = read_json(path)
    try:
        return LabelMap.from_columns(columns, display_names)
    except LabelError as error:
        raise LabelError(f"{path}: {error}") from error


def read_display_names(path: Path) -> dict[str, str]:
    """Read display names from a ``rel_info.json``, an object with one for each relation.

    Raises:
        LabelError: naming the file and what is wrong with it.
    """
    names = read_json(path)
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise LabelError(f"{path}: got {got(names)}, expected an object with a display name for each relation")
    return names


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        LabelError: if it cannot be read or is not JSON.
    """
    try:
        # Some editors begin a file with a byte order mark.
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError as error:
        raise LabelError(f"{path}: not readable as JSON: nested too deeply") from error
    except (OSError, ValueError) as error:
        raise LabelError(f"{path}: not readable as JSON: {reason(error)}") from error
