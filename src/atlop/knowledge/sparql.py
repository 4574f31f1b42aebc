"""Arbitrary questions to a graph on disk, in SPARQL."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import QueryBoolean, QuerySolutions, QueryTriples, RdfFormat, Store

from atlop.documents.checks import check_string
from atlop.errors import AtlopError, DataError, reason
from atlop.knowledge.export.rdf import serialized
from atlop.knowledge.rdf import terms


@dataclass(frozen=True, slots=True)
class Table:
    """What a SPARQL query found: rows of a SELECT, or one cell for an ASK."""

    columns: tuple[str, ...]
    """Names of the variables."""
    rows: tuple[tuple[str | None, ...], ...]
    """Their values; ``None`` where a variable is unbound."""


def sparql(database: Store, query: str) -> Table | str:
    """Answer a SPARQL query, which sees all graphs as one; it cannot change anything.

    The prefixes of :data:`~atlop.knowledge.rdf.terms.PREFIXES` need no declaration. A SERVICE asks the server that it
    names, over the network.

    Args:
        database: the store.
        query: a SELECT, an ASK, or a CONSTRUCT or DESCRIBE, whose triples are returned in Turtle.

    Raises:
        DataError: if the query cannot be parsed as one of them.
        AtlopError: if it fails while it is answered, such as when the server that a SERVICE names does not respond.
    """
    check_string("query", query, empty=True)
    try:
        return _answer(database.query(query, prefixes=terms.PREFIXES, use_default_graph_as_union=True))
    except SyntaxError as error:
        raise DataError(f"the SPARQL query cannot be read: {reason(error)}") from error
    except (OSError, RuntimeError) as error:
        raise AtlopError(f"the SPARQL query cannot be answered: {reason(error)}") from error


def _answer(found: QuerySolutions | QueryBoolean | QueryTriples) -> Table | str:
    if isinstance(found, QueryBoolean):
        return Table(("answer",), ((str(bool(found)).lower(),),))
    if isinstance(found, QueryTriples):
        return serialized(found, RdfFormat.TURTLE).decode()
    return _table(found)


def _table(found: QuerySolutions) -> Table:
    columns = tuple(variable.value for variable in found.variables)
    rows = tuple(tuple(term and getattr(term, "value", str(term)) for term in solution) for solution in found)
    return Table(columns, rows)
