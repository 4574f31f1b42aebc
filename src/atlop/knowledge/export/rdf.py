"""Turtle, N-Triples and JSON-LD."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from pyoxigraph import RdfFormat, serialize

from atlop.knowledge.graph import Graph
from atlop.knowledge.rdf.terms import PREFIXES
from atlop.knowledge.rdf.triples import graph_triples


def turtle(graph: Graph) -> Iterator[bytes]:
    """Yield the graph in Turtle."""
    return _serialized(graph, RdfFormat.TURTLE)


def ntriples(graph: Graph) -> Iterator[bytes]:
    """Yield the graph in N-Triples."""
    return _serialized(graph, RdfFormat.N_TRIPLES)


def jsonld(graph: Graph) -> Iterator[bytes]:
    """Yield the graph in JSON-LD."""
    return _serialized(graph, RdfFormat.JSON_LD)


def _serialized(graph: Graph, form: RdfFormat) -> Iterator[bytes]:
    file = BytesIO()
    serialize(graph_triples(graph), file, format=form, prefixes=PREFIXES)
    lines = file.getvalue().splitlines(keepends=True)
    declared = sum(line.startswith(b"@prefix ") for line in lines[: len(PREFIXES)])
    # The order of the prefixes is random, but the same graph should give the same bytes.
    yield b"".join(sorted(lines[:declared]) + lines[declared:])
