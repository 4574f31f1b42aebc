"""Documents read back from their triples in a store; the inverse of :mod:`~atlop.knowledge.rdf.triples`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from pyoxigraph import Quad

from atlop.knowledge.fact import Cluster, Fact, Passage, Source
from atlop.knowledge.rdf import terms

Described = Mapping[str, Mapping[str, list[Any]]]
"""Objects by subject and predicate."""


def read_source(quads: Iterable[Quad]) -> Source:
    """Return what a graph keeps of a document.

    Args:
        quads: the named graph of the document.
    """
    described = _by_subject(quads)
    (title,) = (_value(of, terms.TITLE) for of in described.values() if terms.TITLE.value in of)
    clusters = {
        subject: _cluster(described, subject, title)
        for subject, of in described.items()
        if of.get(terms.TYPE.value) == [terms.CLUSTER]
    }
    ordered = tuple(sorted(clusters.values(), key=lambda cluster: cluster.index))
    facts = (
        _fact(described, of, clusters) for of in described.values() if of.get(terms.TYPE.value) == [terms.STATEMENT]
    )
    return Source(title, ordered, tuple(sorted(facts, key=_order)))


def _order(fact: Fact) -> tuple[int, int, str]:
    return fact.head.index, fact.tail.index, fact.relation


def _by_subject(quads: Iterable[Quad]) -> Described:
    found: defaultdict[str, defaultdict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for quad in quads:
        found[quad.subject.value][quad.predicate.value].append(quad.object)  # type: ignore[union-attr]
    return {subject: dict(of) for subject, of in found.items()}


def _value(of: Mapping[str, list[Any]], predicate: Any) -> Any:
    """Return the one value of a property; ``None`` if there is none."""
    found = of.get(predicate.value)
    return found[0].value if found else None


def _cluster(described: Described, subject: str, title: str) -> Cluster:
    of = described[subject]
    mentions = sorted((mention.value for mention in of[terms.HAS_MENTION.value]), key=terms.number_of)
    passages = tuple(_passage(described, mention) for mention in mentions)
    kind, identifier = _value(of, terms.ENTITY_TYPE), _value(of, terms.IDENTIFIER)
    return Cluster(title, terms.number_of(subject), kind, passages, identifier)


def _passage(described: Described, subject: str) -> Passage:
    of = described[subject]
    selector = _value(of, terms.HAS_SELECTOR)
    span = None
    if selector is not None:
        span = int(_value(described[selector], terms.START)), int(_value(described[selector], terms.END))
    return Passage(int(_value(of, terms.SENTENCE_NUMBER)), _value(of, terms.TEXT), span)


def _fact(described: Described, of: Mapping[str, list[Any]], clusters: Mapping[str, Cluster]) -> Fact:
    (relation,) = of[terms.RELATION.value]
    is_evidence = terms.EVIDENCE.value in of
    sentences = of.get((terms.EVIDENCE if is_evidence else terms.NEAREST).value, [])
    passages = (_passage(described, sentence.value) for sentence in sentences)
    confidence = _value(of, terms.CONFIDENCE)
    return Fact(
        clusters[_value(of, terms.HEAD)],
        clusters[_value(of, terms.TAIL)],
        terms.relation_of(relation),
        _value(described.get(relation.value, {}), terms.LABEL),
        tuple(sorted(passages, key=lambda passage: passage.sentence)),
        is_evidence,
        None if confidence is None else float(confidence),
    )
