"""Checks of single values; each raises a :class:`~atlop.errors.DataError` that names the field."""

from __future__ import annotations

from atlop.errors import DataError, got


def check_index(field: str, value: object) -> None:
    """Check that a value is a non-negative integer; neither ``True`` nor ``1.0`` is one."""
    if type(value) is not int or value < 0:
        raise DataError(f"got {got(value)}, expected a non-negative integer", field=field)


def check_string(field: str, value: object, *, empty: bool = False) -> None:
    """Check that a value is a string that UTF-8 can encode.

    Args:
        field: the name of the field.
        value: the value.
        empty: whether the empty string is allowed.
    """
    if not isinstance(value, str) or not (value or empty):
        raise DataError(f"got {got(value)}, expected a {'' if empty else 'non-empty '}string", field=field)
    if not is_encodable(value):
        problem = f"got {got(value)}, expected characters that UTF-8 can encode, unlike a lone surrogate"
        raise DataError(problem, field=field)


def is_encodable(value: str) -> bool:
    """Return whether a string is free of lone surrogates, which neither UTF-8 nor a tokenizer accepts."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_tuple(field: str, value: object, kind: type, one: str) -> None:
    """Check that a value is a tuple of objects of one class.

    Args:
        field: the name of the field.
        value: the value.
        kind: the class.
        one: what error messages call such an object.
    """
    if not isinstance(value, tuple):
        raise DataError(f"got {got(value)}, expected a tuple", field=field)
    for i, item in enumerate(value):
        if not isinstance(item, kind):
            raise DataError(f"got {got(item)}, expected {one}", field=f"{field}[{i}]")
