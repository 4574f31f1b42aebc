"""File formats for documents, each with its reader and its writer in one module."""

from atlop.formats.detection import detect, recognized
from atlop.formats.files import open_file, write_pieces
from atlop.formats.jsonl import schema
from atlop.formats.leaderboard import attach, read_submission
from atlop.formats.lifting import Lifting
from atlop.formats.records import parse_json
from atlop.formats.registry import (
    READABLE,
    READABLE_SUFFIXES,
    SUFFIXES,
    WRITABLE,
    OnError,
    check_input,
    encode,
    format_of_suffix,
    read,
    read_predictions,
    stream,
    stream_file,
    write,
)

__all__ = [
    "READABLE",
    "READABLE_SUFFIXES",
    "SUFFIXES",
    "WRITABLE",
    "Lifting",
    "OnError",
    "attach",
    "check_input",
    "detect",
    "encode",
    "format_of_suffix",
    "open_file",
    "parse_json",
    "read",
    "read_predictions",
    "read_submission",
    "recognized",
    "schema",
    "stream",
    "stream_file",
    "write",
    "write_pieces",
]
