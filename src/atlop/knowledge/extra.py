"""The packages of the extra ``graph``, which an installation may leave out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from atlop.errors import MissingExtraError


@contextmanager
def needed_for(ability: str) -> Iterator[None]:
    """Import packages of the extra; one that is missing is an error that names the extra.

    Args:
        ability: what needs them, as the error message begins.

    Raises:
        MissingExtraError: if one is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(ability, extra="graph") from error
