"""Predictions that outlast the run that makes them, until one that goes on with it has made the last."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from atlop.documents import Document
from atlop.documents.fields import Field
from atlop.errors import AtlopError, DataError
from atlop.formats.records import parse_json

RUN, LINES = "run.json", "predictions.jsonl"


class ResumableOutput:
    """The predictions for a JSONL file, kept in a folder beside it, ``FILE.partial``, until they are whole.

    The folder holds ``run.json``, what the predictions depend on beside the input, and ``predictions.jsonl``, to which
    every document is added as soon as it is predicted.

    Args:
        output: the file.
        settings: what the predictions depend on; those that are kept must have been made with the same.

    Raises:
        AtlopError: if predictions are kept that were made otherwise.
        DataError: if the folder cannot be written.
    """

    def __init__(self, output: Path, settings: Mapping[str, str]) -> None:
        self.output, self.folder = output, output.with_name(f"{output.name}.partial")
        self.kept = 0
        self._lines = self.folder / LINES
        try:
            self.folder.mkdir(exist_ok=True)
            self.kept = _whole_lines(self._lines)
            if not self.kept:
                (self.folder / RUN).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error) from error
        self._check_same(settings)

    def _check_same(self, settings: Mapping[str, str]) -> None:
        before = _read_settings(self.folder / RUN)
        for name, value in settings.items():
            if before.get(name) != value:
                raise self._refused(f"{name}: got {value!r}, what is kept was predicted with {before.get(name)!r}")

    def _refused(self, problem: str) -> AtlopError:
        return AtlopError(f"--resume: {self.folder}: {problem}; remove the folder to start anew")

    def rest(self, rows: Iterator[tuple[Document, int]]) -> Iterator[tuple[Document, int]]:
        """Give the rows of the documents that no prediction is kept of.

        Args:
            rows: all documents of the input, each with anything else.

        Raises:
            AtlopError: if the first documents are not those of the predictions that are kept.
        """
        with self._lines.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                kept = self._title(number, line)
                row = next(rows, None)
                if row is None:
                    raise self._refused(f"document {number} is {kept!r}, the input has ended before it")
                if row[0].title != kept:
                    raise self._refused(f"document {number} is {kept!r}, the input has {row[0].title!r} there")
        yield from rows

    def _title(self, number: int, line: bytes) -> str:
        try:
            return Field(parse_json(line, line=number))["title"].string()
        except DataError as error:
            raise error.inside(file=str(self._lines)) from error

    def write(self, lines: Iterable[bytes]) -> None:
        """Add lines as they come and, after the last, make what is kept the output.

        Raises:
            DataError: if that cannot be written.
            KeyboardInterrupt: saying how much is kept, if there was one.
        """
        try:
            self._add(lines)
            self._lines.replace(self.output)
            shutil.rmtree(self.folder)
        except OSError as error:
            raise self._unwritable(error) from error
        except KeyboardInterrupt as error:
            told = f"documents kept: {self.kept}; the same command goes on with the next"
            raise KeyboardInterrupt(told) from error
        finally:
            if not self.kept:
                shutil.rmtree(self.folder, ignore_errors=True)

    def _add(self, lines: Iterable[bytes]) -> None:
        with self._lines.open("ab") as file:
            for line in lines:
                file.write(line)
                file.flush()
                self.kept += 1

    def _unwritable(self, error: OSError) -> DataError:
        return DataError(f"cannot be written: {error.strerror}", file=str(self.folder))


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_bytes())
    except (OSError, ValueError):
        settings = None
    return settings if isinstance(settings, dict) else {}


def _whole_lines(path: Path) -> int:
    """Count the lines of a file, which is made if it is not there, and cut off a last one that is not whole."""
    count = size = 0
    with path.open("a+b") as file:
        file.seek(0)
        for line in file:
            if line.endswith(b"\n"):
                count, size = count + 1, size + len(line)
        file.truncate(size)
    return count
