"""GraphML, read by NetworkX."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import networkx
import pytest

from atlop.documents import Document
from atlop.errors import DataError
from atlop.knowledge import write


def read(documents: list[Document], path: Path) -> networkx.MultiDiGraph:
    write(documents, path, "graphml")
    return networkx.read_graphml(path, force_multigraph=True)


def test_networkx_reads_nodes_and_edges(two_documents: list[Document], tmp_path: Path) -> None:
    graph = read(two_documents, tmp_path / "file")
    assert graph.is_directed()
    labels = dict(graph.nodes(data="label"))
    assert sorted(labels.values()) == ["Ada Lovelace", "Analytical Engine", "London", "United Kingdom"]
    edges = [
        (labels[head], data["relation"], labels[tail], data["document"]) for head, tail, data in graph.edges(data=True)
    ]
    assert sorted(edges) == [
        ("Ada Lovelace", "P27", "United Kingdom", "Ada"),
        ("Ada Lovelace", "P27", "United Kingdom", "Engine"),
        ("Ada Lovelace", "wrote about", "Analytical Engine", "Engine"),
        ("London", "P17", "United Kingdom", "Ada"),
    ]
    (data,) = (data for *_, data in graph.edges(data=True) if data.get("confidence") == 0.75)
    assert (data["name"], data["is_evidence"]) == ("country of citizenship", True)
    assert json.loads(data["sentences"]) == ["Ada Lovelace here .", "United Kingdom here ."]
    assert json.loads(data["sentence_spans"]) == ["0-19", "36-57"]
    assert json.loads(data["head_spans"]) == ["0-12", "20-28"]


def test_hostile_names_pass(hostile: str, make_hostile: Callable[[str], Document], tmp_path: Path) -> None:
    document = make_hostile(hostile)
    graph = read([document], tmp_path / "file")
    ((_, node),) = graph.nodes(data=True)
    ((_, _, edge),) = graph.edges(data=True)
    assert (node["label"], node["identifier"], node["type"]) == (f"{hostile}1", hostile, f"T {hostile}")
    assert (edge["relation"], edge["name"], edge["document"]) == (hostile,) * 3
    assert json.loads(edge["sentences"]) == [document.text]


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x0b", "\ufffe", "\uffff"])
def test_a_character_that_xml_cannot_hold_is_refused(
    make_hostile: Callable[[str], Document], tmp_path: Path, character: str
) -> None:
    with pytest.raises(DataError) as caught:
        write([make_hostile(f"Ada{character}")], tmp_path / "file", "graphml")
    expected = f"with the character {character!r}, which XML and so GraphML cannot hold"
    assert str(caught.value) == f"{tmp_path / 'file'}: label: got {f'Ada{character}1'!r} {expected}"
    assert list(tmp_path.iterdir()) == []
