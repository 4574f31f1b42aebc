"""Predictions that survive an interrupted run, so that a later run can complete the file."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from atlop.documents import Document
from atlop.errors import AtlopError, DataError
from atlop.folder import CALIBRATION, SETTINGS
from atlop.formats import stream
from atlop.locking import locked

RUN, LINES, LOCK = "run.json", "predictions.jsonl", "lock"

RAW_INPUT = {"text": "raw text"}
"""Fields of a document that its extraction depends on if its text is split again, and what messages call them."""
TEXT_INPUT = {"sentences": "words", **RAW_INPUT}
"""Fields of a document that its extraction depends on otherwise, and what messages call them."""
INPUT = {**TEXT_INPUT, "entities": "entities", "candidates": "candidate pairs"}
"""Fields of a document that its prediction depends on, and what messages call them."""


def settings_of(folder: Path, **options: object) -> dict[str, str]:
    """Return what predictions depend on besides the documents: the model, its last changes, and the options."""
    changed = {"saved": _changed(folder / SETTINGS), "tuned": _changed(folder / CALIBRATION)}
    return {"model": str(folder.resolve()), **changed, **{name: str(value) for name, value in options.items()}}


def _changed(file: Path) -> str:
    return datetime.fromtimestamp(file.stat().st_mtime).isoformat() if file.exists() else "never"


@contextmanager
def resumable_output(
    output: Path, settings: Mapping[str, str], *, fields: Mapping[str, str] = INPUT
) -> Iterator[ResumableOutput]:
    """Open the folder ``FILE.partial`` beside a JSONL file, where its predictions are kept until all are made.

    The folder contains ``run.json``, what the predictions depend on besides the input; ``predictions.jsonl``, to which
    every document is added as soon as it is predicted; and ``lock``, which keeps a second run from adding to it. It is
    removed at the end unless predictions are left in it. If the file is a link, the folder is beside what it leads to.

    Args:
        output: the file.
        settings: what the predictions depend on; kept predictions must have been made with the same settings.
        fields: the fields of a document that its prediction depends on, and what messages call them.

    Raises:
        AtlopError: if another run uses the folder, or the kept predictions were made with other settings.
        DataError: if the folder cannot be written.
    """
    if output.is_symlink():  # the link itself would be replaced
        output = Path(os.path.realpath(output))
    folder = output.with_name(f"{output.name}.partial")
    with ExitStack() as stack:
        with _writable(folder):
            folder.mkdir(exist_ok=True)
            if not stack.enter_context(locked(folder / LOCK)):
                raise _refused(folder, "another run is adding to it; wait until it ends, or choose another --output")
            partial = ResumableOutput(folder, output, settings, fields)
        try:
            yield partial
        finally:
            if not partial.kept:
                shutil.rmtree(folder, ignore_errors=True)
    if sys.platform == "win32" and not partial.kept:  # Windows cannot remove a lock that is held
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    """Turn an operating-system error into one that names the folder."""
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", file=str(folder)) from error


class ResumableOutput:
    """The predictions for a JSONL file; see :func:`resumable_output`.

    Args:
        folder: the folder in which they are kept; it must be locked.
        output: the file.
        settings: what the predictions depend on.
        fields: the fields of a document that its prediction depends on, and what messages call them.

    Raises:
        AtlopError: if the kept predictions were made with other settings.
    """

    def __init__(self, folder: Path, output: Path, settings: Mapping[str, str], fields: Mapping[str, str]) -> None:
        self.folder, self.output, self._fields = folder, output, fields
        self._lines = folder / LINES
        self.kept = self.resumed = _count_whole_lines(self._lines)
        if self.kept:
            self._check_settings(settings)
        else:
            (folder / RUN).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")

    def _check_settings(self, settings: Mapping[str, str]) -> None:
        before = _read_settings(self.folder / RUN)
        for name, value in settings.items():
            if before.get(name) != value:
                raise self._outdated(f"{name}: got {value!r}, the kept predictions were made with {before.get(name)!r}")

    def _outdated(self, problem: str) -> AtlopError:
        return _refused(self.folder, f"{problem}; remove the folder to start over")

    def rest(self, rows: Iterator[tuple[Document, int]]) -> Iterator[tuple[Document, int]]:
        """Yield the rows of the documents that have no prediction yet.

        Args:
            rows: all documents of the input, each with the number of bytes read so far.

        Raises:
            AtlopError: if the first documents are not those of the kept predictions.
        """
        if self.kept:
            for number, kept in enumerate(stream(self._lines, form="jsonl"), start=1):
                self._check_same(number, kept, next(rows, None))
        yield from rows

    def _check_same(self, number: int, kept: Document, row: tuple[Document, int] | None) -> None:
        if row is None:
            raise self._outdated(f"document {number} is {kept.title!r}, the input ends before it")
        found = row[0]
        if found.title != kept.title:
            raise self._outdated(f"document {number} is {kept.title!r}, the input has {found.title!r} there")
        changed = [called for field, called in self._fields.items() if getattr(found, field) != getattr(kept, field)]
        if changed:
            problem = f"its {' and '.join(changed)} have changed since it was predicted"
            raise self._outdated(f"document {number}, {kept.title!r}: {problem}")

    def write(self, lines: Iterable[bytes]) -> None:
        """Add lines as they come and, after the last, replace the output with the complete file.

        Raises:
            DataError: if the folder or the output cannot be written.
            KeyboardInterrupt: if the run is interrupted; the message says how many documents are kept.
        """
        with _writable(self.folder):
            try:
                self._add(lines)
            except KeyboardInterrupt as error:
                error.args = (f"documents kept: {self.kept:,}; the same command continues with the next",)
                raise
            self._lines.replace(self.output)
        self.kept = 0

    def _add(self, lines: Iterable[bytes]) -> None:
        with self._lines.open("ab") as file:
            for line in lines:
                file.write(line)
                file.flush()
                self.kept += 1


def _refused(folder: Path, problem: str) -> AtlopError:
    return AtlopError(f"--resume: {folder}: {problem}")


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        settings = None
    return settings if isinstance(settings, dict) else {}


def _count_whole_lines(path: Path) -> int:
    """Count the lines of a file, after cutting off an incomplete last one; the file is created if it does not exist."""
    count = size = 0
    with path.open("a+b") as file:
        file.seek(0)
        for line in file:
            if line.endswith(b"\n"):
                count, size = count + 1, size + len(line)
        file.truncate(size)
    return count
