"""What the commands read: documents of several files, predictions in several forms, training facts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from atlop.documents import Document
from atlop.errors import DataError
from atlop.evaluation import NamedFact, facts_from_triples, facts_of
from atlop.formats import read, read_submission, stand_ins, stream


def read_all(
    paths: Sequence[Path], *, form: str | None, on_error: Any, report: Callable[[DataError], object]
) -> Iterator[Document]:
    """Give the documents of several files one after another."""
    for path in paths:
        yield from stream(path, form=form, on_error=on_error, report=report)


def read_predictions(path: Path) -> list[Document]:
    """Read predictions in leaderboard form, as JSON or zip, or as documents in any form.

    Raises:
        DataError: if the file holds neither.
    """
    return stand_ins(read_submission(path)) if _is_submission(path) else read(path)


def _is_submission(path: Path) -> bool:
    """Tell facts from documents by the first row; an empty list holds no facts."""
    if path.suffix == ".zip":
        return True
    rows = _json_rows(path)
    return rows is not None and (not rows or (isinstance(rows[0], dict) and "h_idx" in rows[0]))


def read_train_facts(path: Path) -> frozenset[NamedFact]:
    """Read the facts of training documents, or name triples as in ``train_annotated.fact``.

    Raises:
        DataError: if the file holds neither.
    """
    rows = _json_rows(path)
    if rows is None or (rows and isinstance(rows[0], dict)):
        return facts_of(read(path))
    try:
        return facts_from_triples(rows)
    except DataError as error:
        raise error.inside(file=str(path)) from error


def _json_rows(path: Path) -> list[Any] | None:
    """Give the list that a JSON file holds, or ``None`` if it is no such file; a reader will say what is wrong."""
    try:
        rows = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return rows if isinstance(rows, list) else None
