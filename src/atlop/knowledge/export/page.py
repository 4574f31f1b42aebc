"""One self-contained HTML page: a drawing of the graph, and its facts with their sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from atlop.knowledge.fact import Cluster
from atlop.knowledge.graph import Edge, Graph, Node

_ASSETS = Path(__file__).parent / "assets"
_FILES = {"style": "page.css", "cytoscape": "cytoscape.min.js", "script": "page.js"}


def html(graph: Graph) -> Iterator[bytes]:
    """Yield the page, which contains its scripts and its style and fetches nothing."""
    for part in re.split(r"{{(\w+)}}", _asset("page.html")):
        if part == "data":
            yield _data(graph).encode()
        else:
            yield (_asset(_FILES[part]) if part in _FILES else part).encode()


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _data(graph: Graph) -> str:
    """Return the graph as JSON that may stand in a script element: nothing in it closes the element."""
    data = {"nodes": list(map(_node, graph.nodes)), "edges": list(map(_edge, graph.edges))}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _node(node: Node) -> dict[str, Any]:
    return {"id": node.id, "type": node.type, "label": node.label, "names": node.names}


def _edge(edge: Edge) -> dict[str, Any]:
    fact = edge.fact
    return {
        **{"id": edge.id, "head": edge.head, "tail": edge.tail},
        **{"relation": fact.relation, "name": fact.name, "document": fact.document, "confidence": fact.confidence},
        **{"is_evidence": fact.is_evidence, "sentences": [passage.text for passage in fact.sentences]},
        **{"head_names": _names(fact.head), "tail_names": _names(fact.tail)},
    }


def _names(cluster: Cluster) -> list[str]:
    return list(dict.fromkeys(mention.text for mention in cluster.mentions))
