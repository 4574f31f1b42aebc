"""Relation names and the columns of the score matrix; the threshold class owns column 0.

A label map travels inside the model folder, so nothing depends on a file beside the program.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from atlop.errors import LabelError, got
from atlop.type_constraints import TypeConstraints

_BIOMEDICAL_LABEL = re.compile(r"\d+:(\w+):\d+")
"""How the preprocessed CDR and GDA files write a relation, such as ``1:CID:2``."""


def plain_name(label: str) -> str:
    """Strip the argument numbers that the preprocessed CDR and GDA files put around a relation.

    Args:
        label: a label as a corpus writes it; ``1:CID:2`` becomes ``CID``, any other is given back.
    """
    match = _BIOMEDICAL_LABEL.fullmatch(label)
    return match.group(1) if match else label


def _check_texts(*values: object) -> None:
    if not all(isinstance(value, str) for value in values):
        raise TypeError("a label map holds nothing but texts")


@dataclass(frozen=True)
class LabelMap:
    """Relation types in the order of their columns.

    Raises:
        LabelError: if a name is empty or stands twice.
    """

    relations: tuple[str, ...]
    """Name of the relation in column 1, 2, ..., such as ``P27``."""
    display_names: Mapping[str, str] = field(default_factory=dict)
    """A name for people, such as ``country of citizenship``, for some or all relations."""
    threshold: str = "Na"
    """What the corpus calls column 0, the class that means no relation and serves as the threshold."""
    type_constraints: TypeConstraints | None = None
    """Which types of entities the relations connect in training; ``None`` where that is not known."""

    def __post_init__(self) -> None:
        repeated = sorted({name for name in self.relations if self.relations.count(name) > 1})
        if repeated or not all(isinstance(name, str) and name for name in self.relations):
            problem = f"the names {repeated} more than once" if repeated else "an empty or non-text name"
            raise LabelError(f"label map: got {problem}, expected every relation to have one name of its own")
        object.__setattr__(self, "_columns", {name: i for i, name in enumerate(self.relations, start=1)})

    def __len__(self) -> int:
        """Count the columns, the threshold's included."""
        return len(self.relations) + 1

    def column(self, relation: str) -> int:
        """Give the column of a relation.

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
        """The entity types of the training documents, in alphabetical order; none where that is not known."""
        return () if self.type_constraints is None else tuple(sorted(self.type_constraints.tails))

    def relation(self, column: int) -> str:
        """Give the name of the relation in a column from 1 on."""
        return self.relations[column - 1]

    def display_name(self, relation: str) -> str:
        """Give the name for people, or the relation's own where there is none."""
        return self.display_names.get(relation, relation)

    def to_json(self) -> dict[str, Any]:
        """Give the form in which a model folder stores the label map."""
        rows = [{"name": name, "display_name": self.display_name(name)} for name in self.relations]
        types = {} if self.type_constraints is None else {"type_constraints": self.type_constraints.to_json()}
        return {"threshold": self.threshold, "relations": rows, **types}

    @classmethod
    def from_json(cls, stored: Any) -> LabelMap:
        """Read what :meth:`to_json` gave.

        Raises:
            LabelError: if the stored form does not hold a label map.
        """
        try:
            rows = [(row["name"], row["display_name"]) for row in stored["relations"]]
            threshold = stored["threshold"]
            _check_texts(threshold, *(text for row in rows for text in row))
        except (KeyError, TypeError) as error:
            expected = 'expected {"threshold": text, "relations": [{"name": text, "display_name": text}, ...]}'
            raise LabelError(f"label map: got {got(stored)}, {expected}") from error
        display_names = {name: text for name, text in rows if text != name}
        # Only what training made since they were remembered has them.
        types = TypeConstraints.from_json(stored["type_constraints"]) if "type_constraints" in stored else None
        return cls(tuple(name for name, _ in rows), display_names, threshold, types)

    @classmethod
    def from_columns(cls, columns: Any, display_names: Mapping[str, str] | None = None) -> LabelMap:
        """Read the usual ``rel2id.json``: relation name to column, where column 0 is the threshold whatever its name.

        Args:
            columns: the mapping.
            display_names: names for people, as in ``rel_info.json``.

        Raises:
            LabelError: if the columns are not the numbers from 0 on, each once.
        """
        if not isinstance(columns, Mapping) or not columns:
            raise LabelError(f"label map: got {got(columns)}, expected a mapping of relation names to columns")
        if sorted(map(str, columns.values())) != sorted(map(str, range(len(columns)))):
            problem = f"got the columns {got(sorted(columns.values(), key=str))}"
            raise LabelError(f"label map: {problem}, expected 0 to {len(columns) - 1}, each once")
        names = [plain_name(name) for name in sorted(columns, key=lambda name: int(columns[name]))]
        known = {name: text for name, text in (display_names or {}).items() if name in names[1:]}
        return cls(tuple(names[1:]), known, names[0])

    @classmethod
    def from_relations(cls, relations: Iterable[str], display_names: Mapping[str, str] | None = None) -> LabelMap:
        """Make a label map of the relations that a corpus uses, in alphabetical order."""
        names = tuple(sorted(set(relations)))
        return cls(names, {name: text for name, text in (display_names or {}).items() if name in names})
