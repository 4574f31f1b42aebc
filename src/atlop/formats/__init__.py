"""Forms of files that hold documents, each with its reader and its writer in one module."""

from atlop.formats.jsonl import schema
from atlop.formats.leaderboard import attach, read_submission, stand_ins
from atlop.formats.registry import READABLE, WRITABLE, OnError, encode, read, stream, write

__all__ = [
    "READABLE",
    "WRITABLE",
    "OnError",
    "attach",
    "encode",
    "read",
    "read_submission",
    "schema",
    "stand_ins",
    "stream",
    "write",
]
