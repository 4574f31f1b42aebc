from __future__ import annotations

import io
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atlop.errors import DataError
from atlop.formats.files import BLOCK, open_file, rejoined, write_pieces


@pytest.fixture
def pipe() -> Iterator[tuple[io.BufferedReader, Any]]:
    """Both ends of a pipe."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "wb", buffering=0) as writer:
        yield reader, writer


@pytest.mark.parametrize("taken", [0, 1, 5, 11])
def test_a_file_is_given_once_more_from_its_beginning(taken: int) -> None:
    file = io.BytesIO(b"one\ntwo\nend")
    beginning = file.read(taken)
    assert list(rejoined(beginning, file)) == [b"one\n", b"two\n", b"end"]


def test_more_than_a_block_is_given_once_more() -> None:
    content = os.urandom(3 * BLOCK)
    file = io.BytesIO(content)
    beginning = file.read(2 * BLOCK)
    assert rejoined(beginning, file).read() == content


def test_a_line_of_a_pipe_does_not_wait_for_the_next(pipe: tuple[io.BufferedReader, Any]) -> None:
    reader, writer = pipe
    writer.write(b"begin")
    beginning, lines = reader.read(5), list[bytes]()
    writer.write(b"ning\n")
    thread = threading.Thread(target=lambda: lines.append(rejoined(beginning, reader).readline()), daemon=True)
    thread.start()
    thread.join(timeout=60)
    assert lines == [b"beginning\n"]


def test_a_file_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        open_file(tmp_path / "none")
    assert str(caught.value) == f"{tmp_path / 'none'}: cannot be read: No such file or directory"


def test_pieces_are_written_while_they_come(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        for number in range(3):
            (partial_file,) = tmp_path.iterdir()
            assert partial_file.suffix == ".partial"
            yield b"%d" % number

    write_pieces(pieces(), tmp_path / "whole")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"whole": b"012"}


@pytest.mark.parametrize("error", [ValueError("no document"), ConnectionResetError("no answer")])
@pytest.mark.parametrize("name", ["file", os.devnull])
def test_an_error_of_the_pieces_is_not_one_of_the_file(tmp_path: Path, name: str, error: Exception) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"0"
        raise error

    with pytest.raises(type(error)) as caught:
        write_pieces(pieces(), tmp_path / name)
    assert caught.value is error
    assert not list(tmp_path.iterdir())


def test_a_replaced_file_keeps_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o600)
    write_pieces([b"x"], tmp_path / "file")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        write_pieces([b"x"], tmp_path / "none" / "file")
    assert str(caught.value) == f"{tmp_path / 'none' / 'file'}: cannot be written: No such file or directory"
