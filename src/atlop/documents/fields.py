"""Decoded JSON whose values know their position, so that an error names the field."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from atlop.documents.checks import check_index, check_string
from atlop.errors import DataError, got, shown

Built = TypeVar("Built")
_SHOWN_KEYS = 10


class RepeatedKey(dict[str, Any]):
    """A decoded JSON object in which a key occurs more than once; no reader accepts it."""


def json_object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object from its keys and values, as the ``object_pairs_hook`` of ``json``."""
    values = dict(pairs)
    return values if len(values) == len(pairs) else RepeatedKey(values)


@dataclass(slots=True)
class Field:
    """A decoded JSON value and its position in the document."""

    value: Any
    """What ``json.loads`` returned."""
    path: str = ""
    """Position in the document, such as ``vertexSet[3][0].pos``."""
    document: str | None = None
    """Title of the document that the value belongs to."""

    def error(self, problem: str, field: str | None = None) -> DataError:
        """Build an error about this value or one of the fields below it."""
        path = ".".join(part for part in (self.path, field) if part)
        return DataError(problem, document=self.document, field=path or None)

    def build(self, kind: Callable[..., Built], *, keys: Mapping[str, str] | None = None, **values: Any) -> Built:
        """Build an object from this value; an error in a field names the position of that field.

        Args:
            kind: the class, or a function that raises such errors.
            keys: the key in the file of each field that has another name there.
            **values: the fields.

        Raises:
            DataError: if ``kind`` rejects the fields.
        """
        try:
            return kind(**values)
        except DataError as error:
            raise self.error(error.problem, (keys or {}).get(error.field or "", error.field)) from error

    def __getitem__(self, key: str) -> Field:
        """Return the value of a key.

        Raises:
            DataError: if this is not an object or lacks the key.
        """
        values = self.object()
        if key not in values:
            raise self._missing(key)
        return self._at(key, values[key])

    def get(self, key: str) -> Field | None:
        """Return the value of a key, or ``None`` if it is missing or ``null``.

        Raises:
            DataError: if this is not an object.
        """
        value = self.object().get(key)
        return None if value is None else self._at(key, value)

    def _at(self, key: str, value: Any) -> Field:
        return Field(value, f"{self.path}.{key}" if self.path else key, self.document)

    def _missing(self, key: str) -> DataError:
        keys = ", ".join(map(shown, list(self.value)[:_SHOWN_KEYS])) or "none"
        more = ", ..." if len(self.value) > _SHOWN_KEYS else ""
        return self.error(f"got no such key, expected one; the keys here are {keys}{more}", key)

    def object(self, required: Collection[str] = (), optional: Collection[str] | None = None) -> dict[str, Any]:
        """Return the keys and values of an object.

        Args:
            required: keys that must be present.
            optional: the only other keys that may be present; ``None`` allows any.

        Raises:
            DataError: if this is not an object, or a key is missing, unknown or repeated.
        """
        if not isinstance(self.value, dict):
            raise self.error(f"got {got(self.value)}, expected an object")
        if isinstance(self.value, RepeatedKey):
            raise self.error("got an object with the same key more than once, expected each key once")
        if optional is not None:
            self._check_known([*required, *optional])
        for key in required:
            if key not in self.value:
                raise self._missing(key)
        return self.value

    def _check_known(self, known: list[str]) -> None:
        for key in self.value:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1) if isinstance(key, str) else []
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise self.error(f"got the unknown key {got(key)}, expected one of {', '.join(known)}{hint}")

    def elements(self) -> Sequence[Any]:
        """Return the elements of a list as they are.

        Raises:
            DataError: if this is not a list.
        """
        if not isinstance(self.value, list | tuple):
            raise self.error(f"got {got(self.value)}, expected a list")
        return self.value

    def items(self) -> Iterator[Field]:
        """Yield the elements of a list with their positions.

        Raises:
            DataError: if this is not a list.
        """
        for i, element in enumerate(self.elements()):
            yield Field(element, f"{self.path}[{i}]", self.document)

    def string(self) -> str:
        """Return a string, which may be empty.

        Raises:
            DataError: if this is not a string, or UTF-8 cannot encode it.
        """
        self.build(check_string, field="", value=self.value, empty=True)
        return str(self.value)

    def index(self) -> int:
        """Return a non-negative integer; neither ``true`` nor ``1.0`` is one.

        Raises:
            DataError: if this is not such an integer.
        """
        self.build(check_index, field="", value=self.value)
        return int(self.value)
