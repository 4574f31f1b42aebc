"""Reading files that a test writes out itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from atlop.documents import Document
from atlop.errors import DataError
from atlop.formats import read, write

Failure = Callable[..., str]
Reading = Callable[..., list[Document]]


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """Read a file of the given content."""

    def run(content: str | bytes, form: str | None = None) -> list[Document]:
        path = tmp_path / "file"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read(path, form=form)

    return run


@pytest.fixture
def failure(reading: Reading, tmp_path: Path) -> Failure:
    """The message with which reading a file of the given content fails; the path of the file reads ``file``."""

    def run(content: str | bytes, form: str | None = None) -> str:
        with pytest.raises(DataError) as caught:
            reading(content, form)
        return str(caught.value).replace(str(tmp_path / "file"), "file")

    return run


@pytest.fixture
def again(tmp_path: Path) -> Reading:
    """Write documents and read them back."""

    def run(documents: list[Document], form: str) -> list[Document]:
        write(documents, tmp_path / "again", form=form)
        return read(tmp_path / "again", form=form)

    return run
