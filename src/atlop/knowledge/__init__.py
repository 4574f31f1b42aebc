"""One graph over many documents: facts with their sentences, merged entities, a store on disk, queries and exports.

    fact        what is read off one document
    names       names as they are compared
    merging     which entities of different documents are one
    identity    identifiers that follow from the content
    graph       nodes and edges
    rdf/        the graph as triples, and documents read back from them
    census, neighbours              what merging and the search for paths need of all documents at once
    generations, changes, store     a graph on disk, changed as a whole or not at all
    queries, sparql                 what a graph on disk answers
    export/     forms for other programs

The store, the queries and most exports need the extra ``graph``.
"""

from atlop.knowledge.export import FOLDERS, FORMS, write, write_graph
from atlop.knowledge.fact import Cluster, Fact, Passage, Source
from atlop.knowledge.graph import Edge, Graph, Node

__all__ = [
    "FOLDERS",
    "FORMS",
    "Cluster",
    "Edge",
    "Fact",
    "Graph",
    "Node",
    "Passage",
    "Source",
    "write",
    "write_graph",
]
