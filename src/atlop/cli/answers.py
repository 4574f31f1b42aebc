"""What ``graph query`` prints: facts with the documents and sentences that state them, and SPARQL results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from atlop.errors import AtlopError
from atlop.knowledge.queries import (
    Answer,
    Entity,
    Support,
    entities_named,
    facts_about,
    facts_of,
    shortest_path,
)
from atlop.knowledge.sparql import Table
from atlop.knowledge.store import GraphStore

_LONGEST = 300
"""Maximum number of characters shown of a name or a sentence."""


@dataclass(frozen=True)
class Answers:
    """Facts in answer to a question."""

    facts: list[Answer]
    """The facts."""
    more: bool = False
    """Whether there are more facts than the limit."""

    def to_json(self) -> list[dict[str, Any]]:
        """Return the facts as JSON objects."""
        return [fact.to_json() for fact in self.facts]

    def shown(self) -> RenderableType:
        """Lay out the facts, each above its documents and sentences."""
        lines = [line for fact in self.facts for line in _lines(fact)] or [Text("no fact")]
        count = "fact is" if len(self.facts) == 1 else f"{len(self.facts):,} facts are"
        more = [Text(f"Only the first {count} shown; --limit shows more.", style="dim")] if self.more else []
        return Group(*lines, *more)


def answered(
    graph: GraphStore, *, entity: str | None, relation: str | None, path: tuple[str, str] | None, limit: int
) -> Answers:
    """Answer a question about an entity, a relation or a path, one of which must be given.

    Raises:
        DataError: if the graph does not contain an entity or the relation.
        AtlopError: if there is no path.
    """
    database = graph.database
    if path is not None:
        return Answers(_shortest(graph, *path))
    if entity is not None:
        found = facts_about(database, *entities_named(database, entity), limit=limit + 1)
    elif relation is not None:
        found = facts_of(database, relation, limit=limit + 1)
    else:
        raise ValueError("got no question")
    return Answers(found[:limit], len(found) > limit)


def _shortest(graph: GraphStore, start: str, end: str) -> list[Answer]:
    """Return a shortest path from any entity with one name to any with another."""
    starts, ends = entities_named(graph.database, start), entities_named(graph.database, end)
    if set(starts) & set(ends):
        raise AtlopError(f"{start!r} and {end!r} are the same entity")
    found = shortest_path(graph.database, graph.neighbours, starts, ends)
    if not found:
        raise AtlopError(f"no path of facts leads from {start!r} to {end!r}")
    return found


def _lines(fact: Answer) -> Iterator[RenderableType]:
    head, tail = (_entity(entity) for entity in (fact.head, fact.tail))
    yield Text.assemble(head, ("  ", ""), (fact.name or fact.relation, "dim"), ("  ", ""), tail)
    for support in fact.support:
        yield Padding(_support(support), (0, 0, 0, 4))


def _entity(entity: Entity) -> Text:
    return Text.assemble((_short(entity.label), "bold"), f" ({entity.type})")


def _support(support: Support) -> Text:
    confidence = "" if support.confidence is None else f", {support.confidence:.2f}"
    sentences = " … ".join(_short(sentence["text"]) for sentence in support.sentences)
    return Text.assemble((f"{_short(support.document)}{confidence}: ", "italic"), sentences)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def table(found: Table) -> Grid:
    """Lay out what a SPARQL query found."""
    grid = Grid(box=box.SIMPLE_HEAD)
    for column in found.columns:
        grid.add_column(Text(column), overflow="fold")
    for row in found.rows:
        grid.add_row(*(Text("" if value is None else value) for value in row))
    return grid
