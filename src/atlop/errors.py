"""Every exception that atlop raises on purpose.

    AtlopError
    ├── DataError         a document, or a file of documents, is malformed
    ├── LabelError        a relation name or a label map does not fit
    ├── ConfigError       a configuration is wrong; lists every mistake at once
    ├── CheckpointError   a model folder or a weights file cannot be used
    ├── ScoringError      gold and predictions cannot be compared
    └── MissingExtraError an optional feature needs a package that is not installed

A message says where the problem is, what was found, what was expected and, where it helps, how to fix it.
"""

from __future__ import annotations

import copyreg
from collections.abc import Sequence
from typing import Any

_LONGEST_REASON = 300


class AtlopError(Exception):
    """Base class of all exceptions that atlop raises."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Restored without __init__, whose arguments are not the message in subclasses.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class DataError(AtlopError):
    """A malformed document, or a file that documents cannot be read from or written to.

    Args:
        problem: what was found and what was expected, in one sentence without a full stop.
        document: the title of the document, or its position in the file if it has no title.
        field: the path of the field inside the document, such as ``entities[3].mentions[0].end``.
        file: the name of the file; readers and writers add it with :meth:`inside`.
    """

    def __init__(
        self, problem: str, *, document: str | None = None, field: str | None = None, file: str | None = None
    ) -> None:
        self.problem, self.document, self.field, self.file = problem, document, field, file
        place = [file, document and f"document {shown(document, 100)}", field]
        super().__init__(": ".join([*(part for part in place if part), problem]))

    def inside(self, *, file: str | None = None, document: str | None = None) -> DataError:
        """Return the same error with the file or document filled in where it is missing."""
        return DataError(self.problem, document=self.document or document, field=self.field, file=self.file or file)


class LabelError(AtlopError):
    """A relation that the label map does not contain, or an inconsistent label map."""


class ConfigError(AtlopError):
    """One or more mistakes in a configuration, all reported at once.

    Args:
        mistakes: one sentence for each mistake, beginning with the name of the key.
        source: the file or the call that the configuration came from.
    """

    def __init__(self, mistakes: Sequence[str], *, source: str = "configuration") -> None:
        self.mistakes, self.source = tuple(mistakes), source
        count = "1 mistake" if len(self.mistakes) == 1 else f"{len(self.mistakes)} mistakes"
        super().__init__("\n".join([f"{source}: {count}", *(f"  - {mistake}" for mistake in self.mistakes)]))


class CheckpointError(AtlopError):
    """A model folder or a weights file that cannot be read or is inconsistent."""


class ScoringError(AtlopError):
    """Gold and predictions that cannot be compared."""


class MissingExtraError(AtlopError):
    """An optional feature whose packages are not installed.

    Args:
        ability: the feature that was requested.
        extra: the extra of atlop that installs it.
    """

    def __init__(self, ability: str, *, extra: str) -> None:
        super().__init__(f"{ability} needs packages that are not installed: pip install 'atlop[{extra}]'")


def unsupported_encoder(transformer: object, found: str) -> CheckpointError:
    """Return the error about an encoder whose attention cannot be read.

    Args:
        transformer: the encoder.
        found: what it gave.
    """
    name = type(transformer).__name__
    return CheckpointError(f"encoder {name}: got {found}; this kind of encoder is not supported")


def got(value: Any) -> str:
    """Format a wrong value for a message: its repr, truncated, and its type."""
    return f"{shown(value)} ({type(value).__name__})"


def shown(value: Any, limit: int = 60) -> str:
    """Return the repr of a value, truncated.

    Args:
        value: the value.
        limit: the maximum length of the repr, in characters.
    """
    try:
        found = repr(value)
    except (RecursionError, ValueError):  # nested too deeply, or an integer of thousands of digits
        found = "<too large to show>"
    return found if len(found) <= limit else f"{found[: limit - 3]}..."


def reason(error: BaseException) -> str:
    """Return in one line why another library failed, without the path, which the message already names."""
    known = error.strerror if isinstance(error, OSError) else None
    # A missing key says nothing by itself.
    prefix = "no key " if isinstance(error, KeyError) else ""
    return known or f"{prefix}{' '.join(str(error).split())}"[:_LONGEST_REASON] or type(error).__name__
