from __future__ import annotations

import re

import pytest

from atlop.knowledge.identity import document_id, node_id, statement_id
from atlop.knowledge.merging import Key


@pytest.mark.parametrize(
    ("title", "beginning"),
    [("Ada Lovelace", "ada-lovelace-"), ("Königsberg!", "konigsberg-"), ("日本", ""), ("x" * 10_000, f"{'x' * 40}-")],
)
def test_an_identifier_can_be_read_and_has_a_digest(title: str, beginning: str) -> None:
    assert re.fullmatch(f"{beginning}[0-9a-f]{{16}}", document_id(title))


def test_what_reads_alike_has_another_digest() -> None:
    assert len({document_id(title) for title in ("Ada", "ada", "Ada!", "ADA")}) == 4
    keys = [Key("name", "PER", "ada"), Key("name", "LOC", "ada"), Key("alone", "PER", "ada", "d", 1)]
    keys += [Key("alone", "PER", "ada", "d1", 0), Key("identifier", "PER", "ada")]
    assert len(set(map(node_id, keys))) == len(keys)


def test_a_statement_is_its_document_its_ends_and_its_relation() -> None:
    found = {
        statement_id(*stated) for stated in [("a", 0, 1, "P1"), ("a", 1, 0, "P1"), ("a", 0, 1, "P2"), ("b", 0, 1, "P1")]
    }
    assert len(found) == 4
