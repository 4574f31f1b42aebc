"""Names that break whatever does not quote them, and documents made of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from atlop.documents import Document, Entity, Mention, Relation

HOSTILE = {
    "quotes": '"\'`´""',
    "newlines": "a\nb\rc\r\nd\te",
    "script": "</script><script>document.title='broken'</script><!--",
    "right-to-left": "\u202eאדה لافليس\u202c",
    "emoji": "👩‍💻🏳️‍🌈",
    "long": "Ada " * 2_500,
    "turtle": '<urn:x> """ \\u0041 \\ .',
    "cypher": "`}) DETACH DELETE n //",
    "separators": "a;b,c|d\u2028e\u2029f\u0085g",
    "xml": "]]> &amp; &#0; <?pi?>",
    "template": "{{data}} ${x} %s {0}",
    "formula": "=1+1",
}


@pytest.fixture(scope="session")
def make_hostile() -> Callable[[str], Document]:
    """Make a document in which everything that has a name has this one."""

    def make(name: str) -> Document:
        entities = tuple(
            Entity((Mention(0, i, i + 1, f"T {name}", name + digit),), name) for i, digit in enumerate("12")
        )
        text = f"{name}1{name}2"
        relation = Relation(0, 1, name, (0,), 0.5, name)
        offsets = ((0, len(name) + 1),)
        return Document(name, ((f"{name}1", f"{name}2"),), entities, (relation,), text=text, offsets=offsets)

    return make


@pytest.fixture(params=HOSTILE.values(), ids=HOSTILE.keys())
def hostile(request: pytest.FixtureRequest) -> str:
    """Each hostile name."""
    return str(request.param)
