"""A folder for Neo4j: CSV files for its admin import, and Cypher whose data are parameters.

entities.csv, facts.csv      for neo4j-admin database import
load.cypher, parameters.json the same for a driver; no text of a document is ever part of a statement
README.txt                   both commands
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from atlop.errors import DataError, shown
from atlop.knowledge.export.rows import edge_row
from atlop.knowledge.graph import Edge, Graph, Node

SEPARATOR = "\x1f"
"""Separates the elements of a list in the CSV files: the ASCII unit separator, which no text needs."""

_NODE_HEADER = ("id:ID", "label", "type", "names:string[]", "identifier", ":LABEL")
_EDGE_HEADER = (
    *(":START_ID", ":END_ID", ":TYPE", "id", "relation", "name", "document", "confidence:double"),
    *("is_evidence:boolean", "sentences:string[]", "sentence_indices:int[]", "sentence_spans:string[]"),
    *("head_spans:string[]", "tail_spans:string[]"),
)

_CONSTRAINT = "CREATE CONSTRAINT atlop_entity IF NOT EXISTS FOR (e:Entity) REQUIRE e.id IS UNIQUE;"
_NODES = "UNWIND $entities AS row\nMERGE (e:Entity {id: row.id})\nSET e += row.properties;"
_EDGES = """UNWIND $%s AS row
MATCH (head:Entity {id: row.head})
MATCH (tail:Entity {id: row.tail})
MERGE (head)-[f:%s {id: row.properties.id}]->(tail)
SET f += row.properties;"""

README = r"""Into a new database:

    neo4j-admin database import full neo4j --nodes=entities.csv --relationships=facts.csv \
        --array-delimiter=U+001F --multiline-fields=true

Into a running one, with the driver (pip install neo4j):

    import json
    from pathlib import Path
    from neo4j import GraphDatabase

    parameters = json.loads(Path("parameters.json").read_text(encoding="utf-8"))
    with GraphDatabase.driver("bolt://localhost:7687", auth=("neo4j", "password")) as driver:
        for statement in Path("load.cypher").read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                driver.execute_query(statement, parameters)
"""


def neo4j(graph: Graph) -> Mapping[str, Iterable[bytes]]:
    """Return the files of the folder.

    Raises:
        DataError: while they are written, if a text contains the character that separates the elements of lists.
    """
    return {
        "entities.csv": _csv(_NODE_HEADER, map(_node_cells, graph.nodes)),
        "facts.csv": _csv(_EDGE_HEADER, map(_edge_cells, graph.edges)),
        "load.cypher": [_cypher(graph).encode()],
        "parameters.json": [json.dumps(_parameters(graph), indent=1, ensure_ascii=False).encode()],
        "README.txt": [README.encode()],
    }


def relation_type(relation: str) -> str:
    """Return the type of a relationship: letters and digits, so that it needs no quoting; the name is a property."""
    plain = re.sub(r"[^A-Z0-9]+", "_", relation.upper()[:60]).strip("_")
    return plain if re.match("[A-Z]", plain) else f"R_{plain}".rstrip("_")


def _csv(header: tuple[str, ...], rows: Iterable[list[Any]]) -> Iterator[bytes]:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")  # so that it quotes cells with either character
    for row in (header, *rows):
        writer.writerow(row)
    yield text.getvalue().encode()


def _node_cells(node: Node) -> list[Any]:
    return [node.id, node.label, node.type, _list(node.names, None), node.identifier or "", "Entity"]


def _edge_cells(edge: Edge) -> list[Any]:
    row = edge_row(edge)
    confidence = "" if row["confidence"] is None else row["confidence"]
    evidence = str(row["is_evidence"]).lower()
    lists = [_list(row[key[: key.index(":")]], edge.fact.document) for key in _EDGE_HEADER if key.endswith("[]")]
    ends = [edge.head, edge.tail, relation_type(edge.fact.relation)]
    return [*ends, row["id"], row["relation"], row["name"] or "", row["document"], confidence, evidence, *lists]


def _list(values: Iterable[Any], document: str | None) -> str:
    for value in values:
        if SEPARATOR in str(value):
            problem = (
                f"got {shown(value)} with the character {SEPARATOR!r}, which separates lists in CSV files for Neo4j"
            )
            raise DataError(problem, document=document)
    return SEPARATOR.join(map(str, values))


def _by_type(graph: Graph) -> Mapping[str, list[Edge]]:
    found: defaultdict[str, list[Edge]] = defaultdict(list)
    for edge in graph.edges:
        found[relation_type(edge.fact.relation)].append(edge)
    return dict(sorted(found.items()))


def _cypher(graph: Graph) -> str:
    edges = (_EDGES % (f"facts_{name}", name) for name in _by_type(graph))
    return "\n".join([_CONSTRAINT, _NODES, *edges]) + "\n"


def _parameters(graph: Graph) -> dict[str, list[dict[str, Any]]]:
    facts = {f"facts_{name}": [_edge_parameter(edge) for edge in edges] for name, edges in _by_type(graph).items()}
    return {"entities": list(map(_node_parameter, graph.nodes)), **facts}


def _node_parameter(node: Node) -> dict[str, Any]:
    values = {"label": node.label, "type": node.type, "names": list(node.names), "identifier": node.identifier}
    return {"id": node.id, "properties": values}


def _edge_parameter(edge: Edge) -> dict[str, Any]:
    return {"head": edge.head, "tail": edge.tail, "properties": edge_row(edge)}
