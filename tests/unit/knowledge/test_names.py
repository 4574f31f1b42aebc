from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.knowledge.names import normalized


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("The U.S.", "us"),
        ("U. S. Army", "us army"),
        ("São Paulo", "sao paulo"),
        ("Ada's", "ada"),
        ("O'Brien", "obrien"),
        ("J. R. R. Tolkien", "jrr tolkien"),
        ("J.R.R. Tolkien", "jrr tolkien"),
        ("A. Smith", "a smith"),
        ("Straße", "strasse"),
        ("Jean-Paul  Sartre", "jean paul sartre"),
        ("The", "the"),
        ("!!!", "!!!"),
        ("Ёлки", "елки"),
        ("Ὅμηρος", "ομηροσ"),
        ("Việt Nam", "viet nam"),
        ("राम मोहन", "राम मोहन"),
        ("गांधी", "गांधी"),
        ("กิน", "กิน"),
        ("가나", "가나"),
        ("", ""),
    ],
)
def test_writings_of_a_name_are_one(name: str, expected: str) -> None:
    assert normalized(name) == expected


@pytest.mark.parametrize(("one", "other"), [("राम", "रोम"), ("กิน", "กัน"), ("ハート", "バート")])
def test_marks_that_make_another_letter_stay(one: str, other: str) -> None:
    assert normalized(one) != normalized(other)


@given(st.text())
def test_a_name_is_empty_only_if_it_is_blank(name: str) -> None:
    assert bool(normalized(name)) == bool("".join(normalized(name).split()))
    assert normalized(name) == normalized(f"  {name} ")
