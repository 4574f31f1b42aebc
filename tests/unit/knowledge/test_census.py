from __future__ import annotations

from pathlib import Path

from atlop.documents import Document
from atlop.knowledge import Source
from atlop.knowledge.census import Census, Entry, direct


def test_what_is_written_is_read(two_documents: list[Document], tmp_path: Path) -> None:
    census = Census(None)
    for document in two_documents:
        census.entries[document.title] = Entry.of(Source.of(document))
    assert census.triples() == set()
    for entry in census.entries.values():
        entry.nodes = tuple("abc")
    census.write(tmp_path / "file")
    found = Census(tmp_path / "file")
    assert found.keys() == census.keys()
    nodes = [(title, entry.nodes) for title, entry in found.entries.items()]
    assert nodes == [("Ada", ("a", "b", "c")), ("Engine", ("a", "b", "c"))]
    assert direct(found.entries["Ada"]) == {("a", "P27", "b"), ("c", "P17", "b")}
    assert found.triples() == {("a", "P27", "b"), ("c", "P17", "b"), ("a", "wrote about", "c")}
