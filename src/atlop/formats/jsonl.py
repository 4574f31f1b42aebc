"""JSONL, atlop's own format: one document per line with all its content; ``schema.json`` describes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import Any, BinaryIO

from atlop.documents import Document
from atlop.errors import DataError
from atlop.formats.records import build_each, json_bytes, numbered_lines, parse_json


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a line."""
    text = resources.files("atlop.formats").joinpath("schema.json").read_text(encoding="utf-8")
    stored: dict[str, Any] = json.loads(text)
    return stored


def parse(file: BinaryIO) -> Iterator[Document | DataError]:
    """Read a JSONL file; yield each document, or the error in it. Blank lines are skipped."""
    return build_each(numbered_lines(file), lambda number, line: Document.from_dict(parse_json(line, line=number)))


def dump(documents: Iterable[Document]) -> Iterator[bytes]:
    """Write documents, one per line."""
    for document in documents:
        yield json_bytes(document.to_dict()) + b"\n"
