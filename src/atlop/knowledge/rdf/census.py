"""The clusters of all documents in a store: just what merging needs to know of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator

from pyoxigraph import NamedNode, Store

from atlop.knowledge.fact import Cluster, Passage, Source
from atlop.knowledge.graph import Node
from atlop.knowledge.identity import node_id
from atlop.knowledge.merging import Key, Merging
from atlop.knowledge.rdf import terms
from atlop.knowledge.rdf.patterns import of_documents
from atlop.knowledge.rdf.triples import cluster_iri, document_iri


class Census:
    """The clusters of a changing set of documents, by IRI.

    Args:
        database: the store, whose clusters are read at once.
    """

    def __init__(self, database: Store) -> None:
        self.titles = {quad.subject: quad.object.value for quad in of_documents(database, terms.TITLE)}
        self.clusters: dict[NamedNode, Cluster] = {}
        self._of: defaultdict[NamedNode, list[NamedNode]] = defaultdict(list)
        for document, subject, cluster in _clusters(database, self.titles):
            self._enter(document, subject, cluster)

    def _enter(self, document: NamedNode, subject: NamedNode, cluster: Cluster) -> None:
        self.clusters[subject] = cluster
        self._of[document].append(subject)

    def add(self, source: Source) -> None:
        """Enter the clusters of a document."""
        document = document_iri(source.title)
        self.titles[document] = source.title
        for cluster in source.clusters:
            self._enter(document, cluster_iri(cluster), cluster)

    def remove(self, document: NamedNode) -> list[NamedNode]:
        """Remove the clusters of a document and return their IRIs."""
        del self.titles[document]
        removed = self._of.pop(document, [])
        for subject in removed:
            del self.clusters[subject]
        return removed

    def keys(self) -> dict[NamedNode, Key]:
        """Return the key of every cluster."""
        merging = Merging(self.clusters.values())
        return {subject: merging.key(cluster) for subject, cluster in self.clusters.items()}

    def nodes(self, keys: dict[NamedNode, Key], wanted: Collection[str]) -> Iterator[Node]:
        """Yield those of some entities that still have clusters.

        Args:
            keys: what :meth:`keys` returned.
            wanted: identifiers of entities.
        """
        names: defaultdict[Key, Counter[str]] = defaultdict(Counter)
        for subject, key in keys.items():
            if node_id(key) in wanted:
                names[key].update(mention.text for mention in self.clusters[subject].mentions)
        yield from (Node.of(key, counts) for key, counts in names.items())


def _clusters(database: Store, titles: dict[NamedNode, str]) -> Iterator[tuple[NamedNode, NamedNode, Cluster]]:
    texts = {quad.subject.value: quad.object.value for quad in of_documents(database, terms.TEXT)}
    identifiers = {quad.subject: quad.object.value for quad in of_documents(database, terms.IDENTIFIER)}
    mentions: defaultdict[NamedNode, list[tuple[int, str]]] = defaultdict(list)
    for quad in of_documents(database, terms.HAS_MENTION):
        mention = quad.object.value
        mentions[quad.subject].append((terms.number_of(mention), texts[mention]))
    for quad in of_documents(database, terms.ENTITY_TYPE):
        subject, document = quad.subject, quad.graph_name
        passages = tuple(Passage(0, text) for _, text in sorted(mentions[subject]))
        place = titles[document], terms.number_of(subject.value)
        yield document, subject, Cluster(*place, quad.object.value, passages, identifiers.get(subject))
