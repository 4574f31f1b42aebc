"""Turtle, N-Triples and JSON-LD."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO

from pyoxigraph import RdfFormat, Triple, serialize

from atlop.knowledge.graph import Graph
from atlop.knowledge.rdf.terms import PREFIXES
from atlop.knowledge.rdf.triples import graph_triples


def turtle(graph: Graph) -> Iterator[bytes]:
    """Yield the graph in Turtle."""
    yield serialized(graph_triples(graph), RdfFormat.TURTLE)


def ntriples(graph: Graph) -> Iterator[bytes]:
    """Yield the graph in N-Triples."""
    yield serialized(graph_triples(graph), RdfFormat.N_TRIPLES)


def jsonld(graph: Graph) -> Iterator[bytes]:
    """Yield the graph in JSON-LD."""
    yield serialized(graph_triples(graph), RdfFormat.JSON_LD)


def serialized(triples: Iterable[Triple], form: RdfFormat) -> bytes:
    """Return triples in a form of RDF; the same triples in the same order give the same bytes."""
    file = BytesIO()
    serialize(triples, file, format=form, prefixes=PREFIXES)
    lines = file.getvalue().splitlines(keepends=True)
    declared = sum(line.startswith(b"@prefix ") for line in lines[: len(PREFIXES)])
    # pyoxigraph writes the prefixes in random order.
    return b"".join(sorted(lines[:declared]) + lines[declared:])
