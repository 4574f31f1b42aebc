from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest

from atlop.errors import DataError
from atlop.formats import json_list
from atlop.formats.records import parse_json

# Characters of one to four bytes, numbers that go on, escapes: all that a block can cut through.
VALUES: list[Any] = [{"é€𝄞": ['a"\\\n', -1.5e3]}, 12345, True, None, [], {}, "}]", [[0.25], "é"], 7]
TEXTS = [
    json.dumps(VALUES),
    json.dumps(VALUES, ensure_ascii=False),
    json.dumps(VALUES, ensure_ascii=False, indent=1),
    json.dumps(VALUES, separators=(",", ":")),
]
BLOCKS = [*range(1, 12), json_list.BLOCK]


def elements(text: str | bytes, *, block: int = json_list.BLOCK) -> list[Any]:
    raw = text if isinstance(text, bytes) else text.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_list, "BLOCK", block)
        return list(json_list.elements(io.BytesIO(raw)))


def told(text: str | bytes, *, block: int = json_list.BLOCK) -> str:
    with pytest.raises(DataError) as caught:
        elements(text, block=block)
    return str(caught.value)


@pytest.mark.parametrize("text", TEXTS)
def test_gives_what_reading_it_whole_gives(text: str) -> None:
    for block in BLOCKS:
        assert elements(f" \r\n{text}\t", block=block) == VALUES
        assert elements("[ ]", block=block) == []


@pytest.mark.parametrize("text", TEXTS)
def test_a_list_that_breaks_off_is_reported_as_if_it_was_read_whole(text: str) -> None:
    for end in range(1, len(text)):
        with pytest.raises(DataError) as expected:
            parse_json(text[:end].encode())
        assert {told(text[:end], block=block) for block in (1, 3, json_list.BLOCK)} == {str(expected.value)}


BROKEN = {
    "no comma": ('[1,\n {"a": 2} 3]', 2, 11, "Expecting ',' delimiter"),
    "another comma": ("[1, , 2]", 1, 5, "Expecting value"),
    "a comma at the end": ("[1,\n2,\n]", 3, 1, "Expecting value"),
    "another list": ("[1]\n\n [2]", 3, 2, "Extra data"),
    "nothing in it": ("[", 1, 2, "Expecting value"),
    "another bracket": ("[1, 2)", 1, 6, "Expecting ',' delimiter"),
}


@pytest.mark.parametrize(("text", "line", "column", "reason"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("block", [1, 5, json_list.BLOCK])
def test_what_is_no_list_is_reported_with_its_place(text: str, line: int, column: int, reason: str, block: int) -> None:
    message = f"got invalid JSON at line {line}, column {column} ({reason}), "
    assert told(text, block=block) == message + "expected a complete JSON value; is the file truncated?"


def test_the_elements_before_the_break_are_given() -> None:
    found = json_list.elements(io.BytesIO(b'[{"a": 1}, 2, {"b'))
    assert [next(found), next(found)] == [{"a": 1}, 2]
    with pytest.raises(DataError, match=re.escape("line 1, column 16 (Unterminated string starting at)")):
        next(found)


@pytest.mark.parametrize("block", [1, 2, 3, json_list.BLOCK])
def test_a_byte_that_is_not_utf8_is_reported_with_its_place(block: int) -> None:
    """The bytes before it: a bracket, two quotes, ``é`` (2), ``€`` (3), a comma and a quote, which are 10."""
    assert told('["é€","'.encode() + b"\xff" + b'"]', block=block) == ("got the byte 0xff at offset 10, expected UTF-8")


def test_a_character_that_is_cut_through_is_reported() -> None:
    assert told("[1]€".encode()[:-1], block=1) == "got the byte 0xe2 at offset 3, expected UTF-8"


def test_a_typo_does_not_read_the_whole_file() -> None:
    file = io.BytesIO(b'[{"a" 1}, ' + b"2, " * json_list.BLOCK + b"3]")
    with pytest.raises(DataError, match=re.escape("line 1, column 7 (Expecting ':' delimiter)")):
        list(json_list.elements(file))
    assert file.tell() == json_list.BLOCK


def test_no_more_is_read_than_the_next_element_needs() -> None:
    one = json.dumps({"title": "a" * 1000})
    file = io.BytesIO(f"[{', '.join([one] * 5000)}]".encode())
    found = json_list.elements(file)
    places = [file.tell() for _ in found]
    assert places[0] == json_list.BLOCK
    # Never further ahead than one block of what the elements so far take, which is 1014 characters and ", " each.
    assert all(place <= json_list.BLOCK + 1016 * (number + 1) for number, place in enumerate(places))


def test_an_element_longer_than_a_block_is_read_in_ever_larger_parts() -> None:
    """From 4 bytes on, 4, 8, 16, ... as much again as is there: 10 reads are enough for a text of 3,000."""
    sizes: list[int] = []

    class Counting(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            sizes.append(size or 0)
            return super().read(size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_list, "BLOCK", 4)
        assert list(json_list.elements(Counting(json.dumps(["a" * 3000]).encode()))) == ["a" * 3000]
    assert len([size for size in sizes if size > 4]) <= 10
