"""The packages of the extra ``graph``, which an installation may leave out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from atlop.errors import MissingExtraError


@contextmanager
def needed_for(ability: str) -> Iterator[None]:
    """Turn the error about a missing package into one that names the extra.

    Args:
        ability: what needs the packages; the error message begins with it.

    Raises:
        MissingExtraError: if one is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(ability, extra="graph") from error
