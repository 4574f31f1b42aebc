"""Parquet: a table with a row for each statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow
from pyarrow import parquet as files

from atlop.knowledge.fact import Passage
from atlop.knowledge.graph import Edge, Graph, Node

_PASSAGES = pyarrow.list_(
    pyarrow.struct(
        {"sentence": pyarrow.int64(), "text": pyarrow.string(), "start": pyarrow.int64(), "end": pyarrow.int64()}
    )
)
_TEXT = pyarrow.string()
_NODE = {"id": _TEXT, "label": _TEXT, "type": _TEXT, "identifier": _TEXT}
SCHEMA = pyarrow.schema(
    {
        "id": _TEXT,
        "relation": _TEXT,
        "name": _TEXT,
        **{f"{side}_{key}": kind for side in ("head", "tail") for key, kind in _NODE.items()},
        "document": _TEXT,
        "confidence": pyarrow.float64(),
        "is_evidence": pyarrow.bool_(),
        "sentences": _PASSAGES,
        "head_mentions": _PASSAGES,
        "tail_mentions": _PASSAGES,
    }
)
"""The columns."""


def parquet(graph: Graph) -> Iterator[bytes]:
    """Yield the statements as a Parquet file."""
    nodes = {node.id: node for node in graph.nodes}
    table = pyarrow.Table.from_pylist([_row(edge, nodes) for edge in graph.edges], schema=SCHEMA)
    sink = pyarrow.BufferOutputStream()
    files.write_table(table, sink)
    yield sink.getvalue().to_pybytes()


def _row(edge: Edge, nodes: dict[str, Node]) -> dict[str, Any]:
    fact = edge.fact
    return {
        "id": edge.id,
        "relation": fact.relation,
        "name": fact.name,
        **_node("head", nodes[edge.head]),
        **_node("tail", nodes[edge.tail]),
        "document": fact.document,
        "confidence": fact.confidence,
        "is_evidence": fact.is_evidence,
        "sentences": list(map(_passage, fact.sentences)),
        "head_mentions": list(map(_passage, fact.head.mentions)),
        "tail_mentions": list(map(_passage, fact.tail.mentions)),
    }


def _node(side: str, node: Node) -> dict[str, Any]:
    return {f"{side}_{key}": getattr(node, key) for key in _NODE}


def _passage(passage: Passage) -> dict[str, Any]:
    start, end = passage.span or (None, None)
    return {"sentence": passage.sentence, "text": passage.text, "start": start, "end": end}
