from __future__ import annotations

from typing import Any

import pytest

from atlop.documents import Document, documents_of
from atlop.errors import DataError


def test_texts_become_documents_titled_by_their_number() -> None:
    own = Document("own", (("Ada",),))
    assert list(documents_of(["Ada wrote. Mary read.", own, ""])) == [
        Document.from_text("Ada wrote. Mary read.", title="text 1"),
        own,
        Document("text 3", (), text="", offsets=()),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"Ada", "text: got b'Ada' (bytes), expected a string"),
        ("Ada \ud800", "text: got the lone surrogate '\\ud800' at 4, expected characters that UTF-8 can encode"),
    ],
)
def test_what_is_no_text_is_told_with_its_number(text: Any, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        list(documents_of(["Ada", text]))
    assert str(caught.value) == f"document 'text 2': {problem}"
