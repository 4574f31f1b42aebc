"""Forms of files that hold documents, each with its reader and its writer in one module."""

from atlop.formats.files import open_file, write_pieces
from atlop.formats.jsonl import schema
from atlop.formats.leaderboard import attach, read_submission, stand_ins
from atlop.formats.registry import (
    READABLE,
    READABLE_SUFFIXES,
    SUFFIXES,
    WRITABLE,
    OnError,
    detect,
    encode,
    read,
    stream,
    stream_file,
    write,
)

__all__ = [
    "READABLE",
    "READABLE_SUFFIXES",
    "SUFFIXES",
    "WRITABLE",
    "OnError",
    "attach",
    "detect",
    "encode",
    "open_file",
    "read",
    "read_submission",
    "schema",
    "stand_ins",
    "stream",
    "stream_file",
    "write",
    "write_pieces",
]
