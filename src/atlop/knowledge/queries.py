"""The questions that a graph on disk answers: facts about an entity, facts of a relation, and a path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache, partial
from itertools import chain, islice, pairwise
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad, Store

from atlop.documents.checks import check_string
from atlop.errors import DataError, shown
from atlop.knowledge.names import normalized
from atlop.knowledge.neighbours import Neighbours
from atlop.knowledge.rdf import terms
from atlop.knowledge.rdf.links import statements_for
from atlop.knowledge.rdf.patterns import DEFAULT, matching
from atlop.knowledge.rdf.terms import iri, relation_of

LIMIT = 20
"""Default maximum number of facts to return."""


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity of the graph."""

    id: str
    """Identifier of the node."""
    type: str
    """Entity type, such as ``PER``."""
    label: str
    """The most frequent of its names that identify it; see :class:`~atlop.knowledge.graph.Node`."""


@dataclass(frozen=True, slots=True)
class Support:
    """A document that states a fact."""

    document: str
    """Its title."""
    confidence: float | None
    """Probability that the model assigns to the fact; ``None`` if it is unknown."""
    is_evidence: bool
    """Whether the sentences are evidence; else they are those in which head and tail are closest."""
    sentences: tuple[dict[str, Any], ...]
    """The sentences to check the fact in, each with ``sentence``, ``text``, ``start`` and ``end``."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A fact of the graph, with all documents that state it."""

    head: Entity
    """The head."""
    relation: str
    """Name of the relation, such as ``P27``."""
    name: str | None
    """Display name of the relation, if it has one."""
    tail: Entity
    """The tail."""
    support: tuple[Support, ...]
    """The documents that state it, the most confident first."""

    def to_json(self) -> dict[str, Any]:
        """Return the fact as a JSON object."""
        return asdict(self)


def entities_named(database: Store, name: str) -> list[Entity]:
    """Return the entities that have a name, regardless of case and punctuation, or an identifier.

    Raises:
        DataError: if there is none.
    """
    check_string("name", name, empty=True)
    by_name = matching(database, None, terms.NORMALIZED, Literal(normalized(name)), graph=terms.INDEX_GRAPH)
    by_identifier = matching(database, None, terms.IDENTIFIER, Literal(name), graph=DEFAULT)
    found = dict.fromkeys(quad.subject for quad in chain(by_name, by_identifier))
    if not found:
        raise DataError(f"got the name {shown(name)}, which no entity of this graph has")
    described = (_entity(database, subject) for subject in found)
    return sorted(described, key=lambda entity: (entity.type, entity.label, entity.id))


def facts_about(database: Store, *entities: Entity, limit: int = LIMIT) -> list[Answer]:
    """Return facts of which one of several entities is the head or the tail, each once.

    Args:
        database: the store.
        entities: what :func:`entities_named` found, or some of it.
        limit: the maximum number of facts to return.
    """
    quads = chain.from_iterable(_quads_about(database, iri("entity", entity.id)) for entity in entities)
    # No fact comes more than twice: once with its head and once with its tail.
    return _answers(database, islice(dict.fromkeys(islice(quads, 2 * limit)), limit))


def _quads_about(database: Store, subject: NamedNode) -> Iterator[Any]:
    yield from matching(database, subject, graph=terms.DIRECT_GRAPH)
    yield from matching(database, None, None, subject, graph=terms.DIRECT_GRAPH)


def facts_of(database: Store, relation: str, *, limit: int = LIMIT) -> list[Answer]:
    """Return facts of a relation.

    Args:
        database: the store.
        relation: its name, such as ``P27``, or its display name.
        limit: the maximum number of facts to return.

    Raises:
        DataError: if the graph has no fact of it.
    """
    check_string("relation", relation, empty=True)
    labelled = (quad.subject for quad in matching(database, None, terms.LABEL, Literal(relation)))
    named = dict.fromkeys(chain([terms.properties(relation).direct], labelled))
    quads = chain.from_iterable(matching(database, None, direct, graph=terms.DIRECT_GRAPH) for direct in named)
    found = list(islice(quads, limit))
    if not found:
        raise DataError(f"got the relation {shown(relation)}, of which this graph has no fact")
    return _answers(database, iter(found))


def shortest_path(
    database: Store, neighbours: Neighbours, starts: Iterable[Entity], ends: Iterable[Entity]
) -> list[Answer]:
    """Return the facts of a shortest path between two entities, in order; empty if there is none.

    A fact is followed in both directions.

    Args:
        database: the store.
        neighbours: its neighbours.
        starts: what :func:`entities_named` found; the path begins with any of them.
        ends: those of which any ends the path.
    """
    path = neighbours.path((start.id for start in starts), (end.id for end in ends))
    nodes = [iri("entity", node) for node in path]
    return _answers(database, (_between(database, *pair) for pair in pairwise(nodes)))


def _between(database: Store, one: NamedNode, other: NamedNode) -> Any:
    """Return a fact between two neighbours."""
    found = chain(
        matching(database, one, None, other, graph=terms.DIRECT_GRAPH),
        matching(database, other, None, one, graph=terms.DIRECT_GRAPH),
    )
    return next(found)


def _answers(database: Store, quads: Iterator[Any]) -> list[Answer]:
    """Return the facts of direct quads, each with its support."""
    described, titled = cache(partial(_entity, database)), cache(partial(_title, database))

    def supports(quad: Quad) -> Iterator[Support]:
        return (_support(database, statement, titled) for statement in statements_for(database, quad))

    return [
        Answer(
            described(quad.subject),
            relation_of(quad.predicate),
            _value(database, quad.predicate, terms.LABEL),
            described(quad.object),
            tuple(sorted(supports(quad), key=_rank)),
        )
        for quad in quads
    ]


def _rank(support: Support) -> tuple[float, str]:
    return -(support.confidence or 0), support.document


def _entity(database: Store, subject: NamedNode) -> Entity:
    kind, label = (_value(database, subject, predicate, DEFAULT) for predicate in (terms.ENTITY_TYPE, terms.LABEL))
    return Entity(terms.name_of("entity", subject), kind, label)


def _value(database: Store, subject: Any, predicate: NamedNode, graph: Any = None) -> Any:
    """Return the value of a property; ``None`` if there is none."""
    found = next(matching(database, subject, predicate, graph=graph), None)
    return found and found.object.value


def _title(database: Store, document: NamedNode) -> str:
    return str(_value(database, document, terms.TITLE, document))


def _support(database: Store, statement: NamedNode, titled: Any) -> Support:
    # Look up each property by itself, in the graph of the document: decoding a quad costs more than finding it.
    document = next(matching(database, statement, terms.IN_DOCUMENT)).object
    confidence = _value(database, statement, terms.CONFIDENCE, document)
    evidence, nearest = (
        [quad.object for quad in matching(database, statement, predicate, graph=document)]
        for predicate in (terms.EVIDENCE, terms.NEAREST)
    )
    sentences = [_sentence(database, sentence, document) for sentence in evidence or nearest]
    ordered = tuple(sorted(sentences, key=lambda sentence: sentence["sentence"]))
    return Support(titled(document), None if confidence is None else float(confidence), bool(evidence), ordered)


def _sentence(database: Store, subject: NamedNode, document: NamedNode) -> dict[str, Any]:
    number, text = (_value(database, subject, predicate, document) for predicate in (terms.SENTENCE_NUMBER, terms.TEXT))
    start = end = None
    for quad in matching(database, subject, terms.HAS_SELECTOR, graph=document):
        start, end = (int(_value(database, quad.object, predicate, document)) for predicate in (terms.START, terms.END))
    return {"sentence": int(number), "text": text, "start": start, "end": end}
