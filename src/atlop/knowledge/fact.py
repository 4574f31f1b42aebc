"""Facts read off documents, each with all that is needed to find it again in its document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from atlop.documents import Document, Entity, Mention, Relation
from atlop.documents.sentences import sentence_span, sentence_text, supporting_sentences


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document: a mention, or a sentence in which to check a fact."""

    sentence: int
    """Index of the sentence."""
    text: str
    """The piece as written in the document."""
    span: tuple[int, int] | None = None
    """Its characters [start, end) in the raw text, if the document has one."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """An entity of one document, before it is merged with those of others."""

    document: str
    """Title of the document."""
    index: int
    """Index among the entities of the document."""
    type: str
    """Type of the first mention, such as ``PER``."""
    mentions: tuple[Passage, ...]
    """All mentions, at least one."""
    identifier: str | None = None
    """Identifier in a knowledge base, such as a MeSH number, if the corpus has one."""

    @property
    def name(self) -> str:
        """The name of the first mention."""
        return self.mentions[0].text


@dataclass(frozen=True, slots=True)
class Fact:
    """A relation between two entities, as one document states it."""

    head: Cluster
    """The head, in the same document as the tail."""
    tail: Cluster
    """The tail."""
    relation: str
    """Name of the relation in the label map, such as ``P27``."""
    name: str | None = None
    """Display name of the relation, such as ``country of citizenship``."""
    sentences: tuple[Passage, ...] = ()
    """The sentences to check the fact in: its evidence or, without any, those in which head and tail are closest."""
    is_evidence: bool = False
    """Whether the sentences are evidence."""
    confidence: float | None = None
    """Probability from 0 to 1 that the model assigns to the fact; ``None`` in gold documents."""

    @property
    def document(self) -> str:
        """Title of the document that states the fact."""
        return self.head.document


@dataclass(frozen=True, slots=True)
class Source:
    """What the graph keeps of one document."""

    title: str
    """Its title, which distinguishes it from the other documents of a graph."""
    clusters: tuple[Cluster, ...]
    """Its entities, including those without a fact."""
    facts: tuple[Fact, ...]
    """Its relations, sorted by head, tail and relation name."""

    @classmethod
    def of(cls, document: Document) -> Source:
        """Read the clusters and the facts off a document, gold or predicted."""
        clusters = tuple(_cluster(document, *numbered) for numbered in enumerate(document.entities))
        return cls(document.title, clusters, tuple(_facts(document, clusters)))


def _cluster(document: Document, index: int, entity: Entity) -> Cluster:
    mentions = tuple(_mention(document, mention) for mention in entity.mentions)
    return Cluster(document.title, index, entity.type, mentions, entity.identifier)


def _mention(document: Document, mention: Mention) -> Passage:
    return Passage(mention.sentence, mention.name, None if document.text is None else document.span(mention))


def _facts(document: Document, clusters: tuple[Cluster, ...]) -> Iterator[Fact]:
    ordered = sorted(document.relations, key=lambda relation: relation.fact)
    # A relation has one name in a document: the first that a fact gives.
    names = {relation.relation: relation.name for relation in reversed(ordered) if relation.name is not None}
    for relation in ordered:
        yield Fact(
            head=clusters[relation.head],
            tail=clusters[relation.tail],
            relation=relation.relation,
            name=names.get(relation.relation),
            sentences=_sentences(document, relation),
            is_evidence=bool(relation.evidence),
            confidence=None if relation.confidence is None else float(relation.confidence),
        )


def _sentences(document: Document, relation: Relation) -> tuple[Passage, ...]:
    indices = sorted(set(supporting_sentences(document, relation)))
    return tuple(Passage(i, sentence_text(document, i), sentence_span(document, i)) for i in indices)
