"""A graph on disk: facts of many documents, added and removed document by document.

Each document has a named graph with what depends on it alone. The default graph says which clusters are one entity and
links the entities to the statements; it is a function of the documents, so that removing one undoes adding it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path

from pyoxigraph import Literal, Store

from atlop.errors import DataError
from atlop.knowledge import generations
from atlop.knowledge.changes import Changes
from atlop.knowledge.fact import Source
from atlop.knowledge.graph import Graph
from atlop.knowledge.neighbours import Neighbours
from atlop.knowledge.rdf import terms
from atlop.knowledge.rdf.reading import read_source
from atlop.knowledge.rdf.triples import document_iri


class GraphStore:
    """A graph on disk, open for reading; :func:`opened` opens one.

    Args:
        database: the database, which queries read.
        neighbours: the file of :class:`~atlop.knowledge.neighbours.Neighbours`.
    """

    def __init__(self, database: Store, neighbours: Path) -> None:
        self.database = database
        self._neighbours = neighbours

    @cached_property
    def neighbours(self) -> Neighbours:
        """Which entities have a fact in common; read when it is first needed.

        Raises:
            DataError: if the file cannot be read.
        """
        with generations.readable(self._neighbours):
            return Neighbours.read(self._neighbours)

    def titles(self) -> list[str]:
        """Return the titles of the documents, sorted."""
        found = self.database.quads_for_pattern(None, terms.TITLE, None, None)
        return sorted(quad.object.value for quad in found if isinstance(quad.object, Literal))

    def source(self, title: str) -> Source:
        """Return what the graph keeps of a document.

        Raises:
            DataError: if there is no document with this title.
        """
        quads = list(self.database.quads_for_pattern(None, None, None, document_iri(title)))
        if not quads:
            raise DataError("is not in this graph", document=title)
        return read_source(quads)

    def sources(self) -> Iterator[Source]:
        """Yield what the graph keeps of each document, by title."""
        return map(self.source, self.titles())

    def graph(self) -> Graph:
        """Return the whole graph, which must fit into memory."""
        return Graph.of(self.sources())


@contextmanager
def opened(folder: str | Path) -> Iterator[GraphStore]:
    """Open a graph for reading; it stays as it is until the end, even if it is changed meanwhile.

    Args:
        folder: the folder of the store.

    Raises:
        DataError: if it holds no graph, or one that cannot be read.
    """
    with generations.in_force(Path(folder)) as generation:
        yield GraphStore(generations.open_database(generation), generation / generations.NEIGHBOURS)


@contextmanager
def changing(folder: str | Path) -> Iterator[Changes]:
    """Open a graph to add and remove documents; all changes take effect at the end, or none if there is an error.

    Args:
        folder: the folder of the store, which is created if it does not exist.

    Raises:
        DataError: if the folder holds something else or cannot be written, or another process is changing the graph.
    """
    with generations.next_generation(Path(folder)) as generation, closing(Changes(generation)) as changes:
        yield changes
        changes.apply()
