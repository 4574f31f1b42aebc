"""The folder for Neo4j: CSV by the rules of its admin import, and Cypher by a parser of it."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graphglot.dialect import Dialect

from atlop.documents import Document
from atlop.errors import DataError
from atlop.knowledge import write
from atlop.knowledge.export.neo4j import SEPARATOR, relation_type

KINDS: dict[str, Callable[[str], Any]] = {
    "double": float,
    "boolean": {"true": True, "false": False}.__getitem__,
    "int": int,
}


def table(path: Path) -> list[dict[str, Any]]:
    """Read a CSV file as Neo4j's admin import does: types come from the header, and an empty field is nothing."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file, strict=True)
    assert all(len(row) == len(header) for row in rows)
    return [{key.split(":")[0] or key: value(key, cell) for key, cell in zip(header, row, strict=True)} for row in rows]


def value(key: str, cell: str) -> Any:
    kind = key.partition(":")[2]
    if kind.endswith("[]"):
        convert = KINDS.get(kind.removesuffix("[]"), str)
        return [convert(part) for part in cell.split(SEPARATOR)] if cell else []
    return KINDS.get(kind, str)(cell) if cell else None


def read(documents: list[Document], path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    write(documents, path, "neo4j")
    return table(path / "entities.csv"), table(path / "facts.csv")


def header(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()[0].split(",")


def test_the_headers_follow_the_rules_of_the_import(two_documents: list[Document], tmp_path: Path) -> None:
    write(two_documents, tmp_path / "folder", "neo4j")
    nodes, edges = (header(tmp_path / "folder" / name) for name in ("entities.csv", "facts.csv"))
    field = re.compile(r"\w+(:(ID|string\[\]|int\[\]|double|boolean))?|:(LABEL|START_ID|END_ID|TYPE)")
    assert all(field.fullmatch(key) for key in (*nodes, *edges))
    assert sum(":ID" in key for key in nodes) == 1
    assert {":LABEL"} <= set(nodes)
    assert {":START_ID", ":END_ID", ":TYPE"} <= set(edges)


def test_nodes_and_edges_are_read(two_documents: list[Document], tmp_path: Path) -> None:
    nodes, edges = read(two_documents, tmp_path / "folder")
    labels = {node["id"]: node["label"] for node in nodes}
    assert nodes[0]["names"] == ["Ada Lovelace", "Lovelace"]
    assert {node[":LABEL"] for node in nodes} == {"Entity"}
    assert [
        (labels[edge[":START_ID"]], edge[":TYPE"], labels[edge[":END_ID"]], edge["confidence"]) for edge in edges
    ] == [
        ("Ada Lovelace", "P27", "United Kingdom", 0.75),
        ("London", "P17", "United Kingdom", 0.5),
        ("Ada Lovelace", "P27", "United Kingdom", None),
        ("Ada Lovelace", "WROTE_ABOUT", "Analytical Engine", 0.875),
    ]
    assert (edges[0]["is_evidence"], edges[0]["sentence_indices"]) == (True, [0, 2])
    assert edges[0]["sentences"] == ["Ada Lovelace here .", "United Kingdom here ."]
    assert (edges[0]["head_spans"], edges[2]["head_spans"]) == (["0-12", "20-28"], [])


def test_cypher_is_parsed_and_its_parameters_are_the_rows(two_documents: list[Document], tmp_path: Path) -> None:
    nodes, edges = read(two_documents, tmp_path / "folder")
    statements = (tmp_path / "folder" / "load.cypher").read_text(encoding="utf-8").split(";\n")[:-1]
    dialect = Dialect.get_or_raise("neo4j")
    assert len(statements) == 5  # a constraint, the nodes, and three types of edges
    assert [statement for statement in statements if not dialect.validate(statement).success] == []
    assert not dialect.validate("MATCH (a:Entity {id: $x} RETURN a").success
    parameters = json.loads((tmp_path / "folder" / "parameters.json").read_text(encoding="utf-8"))
    assert {name for statement in statements for name in re.findall(r"\$(\w+)", statement)} == set(parameters)
    assert [node["id"] for node in parameters["entities"]] == [node["id"] for node in nodes]
    assert parameters["facts_P17"][0]["properties"]["id"] == edges[1]["id"]
    assert [fact["head"] for fact in parameters["facts_P27"]] == [edges[0][":START_ID"], edges[2][":START_ID"]]


def test_hostile_names_pass(hostile: str, make_hostile: Callable[[str], Document], tmp_path: Path) -> None:
    document = make_hostile(hostile)
    (node,), (edge,) = read([document], tmp_path / "folder")
    assert (node["label"], node["identifier"], node["type"]) == (f"{hostile}1", hostile, f"T {hostile}")
    assert (edge["relation"], edge["name"], edge["document"]) == (hostile,) * 3
    assert edge["sentences"] == [document.text]
    script = (tmp_path / "folder" / "load.cypher").read_text(encoding="utf-8")
    assert all(Dialect.get_or_raise("neo4j").validate(part).success for part in script.split(";\n")[:-1])
    parameters = json.loads((tmp_path / "folder" / "parameters.json").read_text(encoding="utf-8"))
    (fact,) = parameters[f"facts_{edge[':TYPE']}"]
    assert fact["properties"]["relation"] == hostile


def test_the_separator_of_lists_is_refused(make_hostile: Callable[[str], Document], tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        write([make_hostile("a\x1fb")], tmp_path / "folder", "neo4j")
    expected = r"got 'a\x1fb1' with the character '\x1f', which separates lists in CSV files for Neo4j"
    assert str(caught.value) == f"{tmp_path / 'folder'}: {expected}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        ("P27", "P27"),
        ("wrote about", "WROTE_ABOUT"),
        ("2nd of", "R_2ND_OF"),
        ("国籍", "R"),
        ("`) DELETE n", "DELETE_N"),
    ],
)
def test_the_type_of_a_relationship_needs_no_quotes(relation: str, expected: str) -> None:
    assert relation_type(relation) == expected
