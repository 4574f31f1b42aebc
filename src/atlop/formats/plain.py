"""Plain text, whose entities are still to be found: one document per file, titled by the name of the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from atlop.documents import Document
from atlop.errors import DataError
from atlop.formats.lifting import Lifting
from atlop.formats.records import decode


def parse(file: BinaryIO, *, path: Path, lifting: Lifting) -> Iterator[Document | DataError]:
    """Read a text; yield it as a document without entities, or the error in it.

    Args:
        file: the bytes of the text, in UTF-8.
        path: the path of the file.
        lifting: only its ``language`` is used.
    """
    title = path.stem or str(path)
    try:
        yield Document.from_text(decode(file.read()), title=title, sentences=lifting.language)
    except DataError as error:
        yield error.inside(document=title)
