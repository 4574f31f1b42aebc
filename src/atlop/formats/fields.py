"""A walk through decoded JSON that knows where it stands, so that a wrong value is told with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from atlop.errors import DataError, got


@dataclass(slots=True)
class Field:
    """A decoded JSON value and its place in the file."""

    value: Any
    """What ``json.loads`` gave."""
    path: str = ""
    """Where it stands, such as ``vertexSet[3][0].pos``."""
    document: str | None = None
    """Title of the document that it belongs to."""

    def error(self, problem: str) -> DataError:
        """Make the error that says what is wrong with this value."""
        return DataError(problem, document=self.document, field=self.path or None)

    def __getitem__(self, key: str) -> Field:
        """Give the value of a key.

        Raises:
            DataError: if this is no object or lacks the key.
        """
        found = self.get(key)
        if found is None and key not in self.value:
            keys = ", ".join(map(repr, self.value)) or "none"
            raise self._at(key, None).error(f"got no such key, expected one; the keys here are {keys}")
        return found or self._at(key, None)

    def get(self, key: str) -> Field | None:
        """Give the value of a key that may be missing or ``null``.

        Raises:
            DataError: if this is no object.
        """
        if not isinstance(self.value, dict):
            raise self.error(f"got {got(self.value)}, expected an object")
        value = self.value.get(key)
        return None if value is None else self._at(key, value)

    def _at(self, key: str, value: Any) -> Field:
        return Field(value, f"{self.path}.{key}" if self.path else key, self.document)

    def elements(self) -> list[Any]:
        """Give the elements of a list as they are.

        Raises:
            DataError: if this is no list.
        """
        if not isinstance(self.value, list):
            raise self.error(f"got {got(self.value)}, expected a list")
        return self.value

    def items(self) -> Iterator[Field]:
        """Give the elements of a list, each with its place.

        Raises:
            DataError: if this is no list.
        """
        for i, element in enumerate(self.elements()):
            yield Field(element, f"{self.path}[{i}]", self.document)

    def text(self) -> str:
        """Give a text.

        Raises:
            DataError: if this is none.
        """
        if not isinstance(self.value, str):
            raise self.error(f"got {got(self.value)}, expected a text")
        return self.value

    def whole(self) -> int:
        """Give a whole number; ``true`` and ``1.0`` are none.

        Raises:
            DataError: if this is none.
        """
        if type(self.value) is not int:
            raise self.error(f"got {got(self.value)}, expected a whole number")
        return self.value

    def index(self) -> int:
        """Give a whole number from 0 on.

        Raises:
            DataError: if this is none.
        """
        if self.whole() < 0:
            raise self.error(f"got {self.value}, expected an index from 0 on")
        return self.whole()
