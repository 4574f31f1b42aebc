"""Everything that atlop raises on purpose.

    AtlopError
    ├── DataError         a document or a file of documents is malformed
    ├── LabelError        a relation name or a label map does not fit
    ├── ConfigError       a configuration is wrong; lists every mistake at once
    ├── CheckpointError   a model folder or a weights file cannot be used
    ├── ScoringError      gold and predictions cannot be compared
    └── MissingExtraError an optional ability needs a package that is not installed

A message says where, what was got, what was expected and, where it helps, what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class AtlopError(Exception):
    """The root of the tree; catching it catches all of atlop's own errors."""


class DataError(AtlopError):
    """A document, or a file of documents, that does not hold what it should.

    Args:
        problem: what was got and what was expected, one sentence without a full stop.
        document: the title of the document, or its place in the file where it has none.
        field: the path of the field inside the document, such as ``entities[3].mentions[0].end``.
        file: the file that was read; readers add it with :meth:`inside`.
    """

    def __init__(
        self, problem: str, *, document: str | None = None, field: str | None = None, file: str | None = None
    ) -> None:
        self.problem, self.document, self.field, self.file = problem, document, field, file
        place = [file, document and f"document {document!r}", field]
        super().__init__(": ".join([*(part for part in place if part), problem]))

    def inside(self, *, file: str | None = None, document: str | None = None) -> DataError:
        """Give the same error with the file or the document added where it was not known yet."""
        return DataError(self.problem, document=self.document or document, field=self.field, file=self.file or file)


class LabelError(AtlopError):
    """A relation that the label map does not know, or a label map that does not hold together."""


class ConfigError(AtlopError):
    """One or more mistakes in a configuration, all told at once.

    Args:
        mistakes: one sentence a mistake, each beginning with the name of the key.
        source: the file or the call that the configuration came from.
    """

    def __init__(self, mistakes: Sequence[str], *, source: str = "configuration") -> None:
        self.mistakes, self.source = tuple(mistakes), source
        count = "1 mistake" if len(self.mistakes) == 1 else f"{len(self.mistakes)} mistakes"
        super().__init__("\n".join([f"{source}: {count}", *(f"  - {mistake}" for mistake in self.mistakes)]))


class CheckpointError(AtlopError):
    """A model folder, or a file of weights, that cannot be read or does not fit together."""


class ScoringError(AtlopError):
    """Gold and predictions that cannot be compared with one another."""


class MissingExtraError(AtlopError):
    """An optional ability whose packages are not installed.

    Args:
        ability: what was asked for.
        extra: the extra of atlop that brings it.
    """

    def __init__(self, ability: str, *, extra: str) -> None:
        super().__init__(f"{ability} needs packages that are not installed: pip install 'atlop[{extra}]'")


def got(value: Any, limit: int = 60) -> str:
    """Show a wrong value in a message: its repr, cut short, with its type where the repr does not tell.

    Args:
        value: what was found.
        limit: the longest repr shown, in characters.
    """
    try:
        shown = repr(value)
    except (RecursionError, ValueError):  # nested too deeply, or an integer of too many digits
        return f"a value too large to show ({type(value).__name__})"
    if len(shown) > limit:
        shown = f"{shown[: limit - 3]}..."
    return f"{shown} ({type(value).__name__})"


def reason(error: Exception) -> str:
    """Tell in one line why another library gave up, without the path that the message names already."""
    told = error.strerror if isinstance(error, OSError) else None
    # A missing key says nothing by itself.
    prefix = "no key " if isinstance(error, KeyError) else ""
    return told or f"{prefix}{' '.join(str(error).split())}" or type(error).__name__
