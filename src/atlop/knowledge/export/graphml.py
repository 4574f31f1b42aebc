"""GraphML, written by NetworkX."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import networkx

from atlop.errors import DataError, shown
from atlop.knowledge.export.rows import edge_row
from atlop.knowledge.graph import Graph

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def graphml(graph: Graph) -> Iterator[bytes]:
    """Yield the graph in GraphML; lists, which it does not support, are JSON.

    Raises:
        DataError: if a text contains a character that XML cannot represent.
    """
    file = BytesIO()
    networkx.write_graphml_xml(to_networkx(graph), file, encoding="utf-8", prettyprint=True)
    # XML parsers read a bare carriage return as a line feed.
    yield file.getvalue().replace(b"\r", b"&#13;")


def to_networkx(graph: Graph) -> networkx.MultiDiGraph:
    """Return the graph for NetworkX, with an edge for each statement; attributes are strings and numbers.

    Raises:
        DataError: if a text contains a character that XML cannot represent.
    """
    found = networkx.MultiDiGraph()
    for node in graph.nodes:
        values = {"label": node.label, "type": node.type, "names": list(node.names), "identifier": node.identifier}
        found.add_node(node.id, **_attributes(values, None))
    for edge in graph.edges:
        found.add_edge(edge.head, edge.tail, key=edge.id, **_attributes(edge_row(edge), edge.fact.document))
    return found


def _attributes(values: dict[str, Any], document: str | None) -> dict[str, str | float]:
    given = {key: value for key, value in values.items() if value is not None and value != []}
    plain = {
        key: json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value for key, value in given.items()
    }
    for key, value in plain.items():
        if isinstance(value, str) and (wrong := _NOT_IN_XML.search(value)):
            problem = f"got {shown(value)} with the character {wrong[0]!r}, which XML and so GraphML cannot hold"
            raise DataError(problem, document=document, field=key)
    return plain
