"""What predictions are written as: documents in any format, graphs, or tables to read."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console

from atlop.cli.options import GRAPHS
from atlop.cli.show import WIDTH, console, relation_table
from atlop.documents import Document
from atlop.formats import encode, write, write_pieces


def write_predictions(documents: Iterable[Document], target: str, output: Path | None) -> None:
    """Write predicted documents to a file, all or nothing, or to standard output as they come.

    Args:
        documents: the predicted documents.
        target: a file format, the form of a graph, or ``table``.
        output: the file; ``None`` for standard output.
    """
    if output is None:
        _show(documents, target)
    elif target == "table":
        write_pieces(_tables(documents), output)
    elif target in GRAPHS:
        from atlop.knowledge.export import write as write_graph

        write_graph(documents, output, target)
    else:
        write(documents, output, form=target)


def _show(documents: Iterable[Document], target: str) -> None:
    if target == "table":
        screen = console()
        for document in documents:
            screen.print(relation_table(document))
        return
    for piece in encode(documents, form=target):
        sys.stdout.buffer.write(piece)
    sys.stdout.flush()


def _tables(documents: Iterable[Document]) -> Iterator[bytes]:
    # FORCE_COLOR would colour a file, too.
    screen = Console(width=WIDTH, highlight=False, color_system=None, file=io.StringIO())
    for document in documents:
        with screen.capture() as capture:
            screen.print(relation_table(document))
        yield capture.get().encode("utf-8", "backslashreplace")
