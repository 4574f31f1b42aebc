"""Scores of documents whose entities are predicted as well, so that no index means the same on both sides.

A mention is compared as its span, an entity as the set of its spans, and a fact as the sets of its two entities. The
first five scores are those of JEREX (arXiv 2102.05980); the sixth forgives clusters that are not complete.

* Mention: the span is right.
* Coreference: all spans of a cluster are right, and none is missing.
* Entity: the cluster and its type are right.
* Relation, strict: the relation and both entities, with their types, are right.
* Relation: the relation and both clusters are right.
* Relation, soft: the relation is right, and each cluster shares a span with the right one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, product, zip_longest
from typing import TypeAlias

from atlop.documents import Document, Entity
from atlop.errors import ScoringError, shown
from atlop.evaluation.matching import largest_matching
from atlop.evaluation.scores import Counts
from atlop.evaluation.scoring import by_title

Span: TypeAlias = tuple[int, int]
"""The words [start, end) of a mention, counted through the whole document."""

Cluster: TypeAlias = frozenset[Span]
"""The spans of an entity."""

_Fact: TypeAlias = tuple[Cluster, Cluster, str]
"""A fact by spans: (head, tail, relation)."""


_LEVELS = {
    "mention": "mention_{}",
    "coreference": "coreference_{}",
    "entity": "entity_{}",
    "relation_strict": "relation_{}_strict",
    "relation": "relation_{}",
    "relation_soft": "relation_{}_soft",
}
"""The JSON keys of each level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndToEndScores:
    """The scores of predicted entities and of the relations between them."""

    mention: Counts
    """Mentions: the span is right."""
    coreference: Counts
    """Clusters: all spans are right."""
    entity: Counts
    """Entities: the cluster and the type are right."""
    relation_strict: Counts
    """Facts: the relation and both entities, with their types, are right."""
    relation: Counts
    """Facts: the relation and both clusters are right."""
    relation_soft: Counts
    """Facts: the relation is right, and each cluster shares a span with the right one."""
    unknown_titles: tuple[str, ...] = ()
    """Titles of predictions that no gold document has, sorted; everything in them is a false positive."""

    def levels(self) -> dict[str, Counts]:
        """Return the counts of each level, by what tables call it."""
        return {
            "mentions": self.mention,
            "coreference": self.coreference,
            "entities": self.entity,
            "relations, strict": self.relation_strict,
            "relations": self.relation,
            "relations, soft": self.relation_soft,
        }

    def to_json(self) -> dict[str, float]:
        """Return the F1 of each level, then the precision and the recall of each."""
        rows = {key: getattr(self, level) for level, key in _LEVELS.items()}
        scores = ("f1", "precision", "recall")
        return {key.format(score): getattr(counts, score) for score in scores for key, counts in rows.items()}


def evaluate_end_to_end(gold: Iterable[Document], predicted: Iterable[Document]) -> EndToEndScores:
    """Score predicted documents with entities of their own against gold documents with the same titles and words.

    Each span, cluster and fact counts once in a document: entities with exactly the same spans are one entity, with the
    type of the first. The type of an entity is that of its first mention. A span that belongs to two entities is one
    mention, and part of both clusters. The split into sentences and the candidates are ignored.

    A predicted fact can match a gold fact softly if both have the same relation, and their heads share a span, and
    their tails share a span. Each predicted fact is matched with at most one gold fact and each gold fact with at most
    one predicted fact, so that as many as possible are matched; these are the true positives.

    Args:
        gold: the labelled documents.
        predicted: the documents with predicted entities and relations.

    Raises:
        ScoringError: if a title occurs more than once on one side, or the words of two documents with the same title
            differ.
    """
    documents, predictions = by_title(gold, "gold"), by_title(predicted, "predictions")
    totals = dict.fromkeys(_LEVELS, Counts())
    for title in documents | predictions:
        labelled, claimed = documents.get(title), predictions.get(title)
        if labelled and claimed:
            _check_words(labelled, claimed)
        for level, counts in _count(_Content.of(labelled), _Content.of(claimed)).items():
            totals[level] += counts
    return EndToEndScores(**totals, unknown_titles=tuple(sorted(predictions.keys() - documents.keys())))


def _check_words(gold: Document, predicted: Document) -> None:
    expected, found = (chain.from_iterable(document.sentences) for document in (gold, predicted))
    for place, (right, word) in enumerate(zip_longest(expected, found)):
        if right != word:
            got, wanted = (shown(side) if side is not None else "the end of the text" for side in (word, right))
            problem = f"got {got} as word {place}, expected {wanted}, as in the gold document with this title"
            raise ScoringError(f"predictions: document {gold.title!r}: {problem}; predict on the words of gold")


@dataclass(frozen=True, slots=True)
class _Content:
    """The contents of a document, by spans."""

    types: Mapping[Cluster, str] = field(default_factory=dict)
    """The type of each distinct cluster."""
    facts: frozenset[_Fact] = frozenset()

    @classmethod
    def of(cls, document: Document | None) -> _Content:
        """Return the contents of a document, none if it is missing."""
        if document is None:
            return cls()
        starts = list(accumulate(map(len, document.sentences), initial=0))
        clusters = [_cluster(entity, starts) for entity in document.entities]
        types: dict[Cluster, str] = {}
        for cluster, entity in zip(clusters, document.entities, strict=True):
            types.setdefault(cluster, entity.type)
        facts = ((clusters[fact.head], clusters[fact.tail], fact.relation) for fact in document.relations)
        return cls(types, frozenset(facts))

    @property
    def spans(self) -> frozenset[Span]:
        """The mentions of all clusters."""
        return frozenset(chain.from_iterable(self.types))

    @property
    def typed_facts(self) -> frozenset[tuple[_Fact, str, str]]:
        """The facts with the types of head and tail."""
        return frozenset((fact, self.types[fact[0]], self.types[fact[1]]) for fact in self.facts)


def _cluster(entity: Entity, starts: Sequence[int]) -> Cluster:
    spans = ((starts[mention.sentence], mention) for mention in entity.mentions)
    return frozenset((start + mention.start, start + mention.end) for start, mention in spans)


def _count(gold: _Content, predicted: _Content) -> dict[str, Counts]:
    """Count what is right in one document, by level."""
    matched = _count_matches(gold, predicted)
    return {
        "mention": Counts.of(predicted.spans, gold.spans),
        "coreference": Counts.of(predicted.types.keys(), gold.types.keys()),
        "entity": Counts.of(predicted.types.items(), gold.types.items()),
        "relation_strict": Counts.of(predicted.typed_facts, gold.typed_facts),
        "relation": Counts.of(predicted.facts, gold.facts),
        "relation_soft": Counts(matched, len(predicted.facts) - matched, len(gold.facts) - matched),
    }


def _count_matches(gold: _Content, predicted: _Content) -> int:
    """Count the facts that match softly, at most one predicted fact for each gold fact."""
    near = _sharing(gold.types, predicted.types)
    options: dict[_Fact, list[_Fact]] = {}
    for head, tail, relation in predicted.facts:
        pairs = product(near[head], near[tail])
        options[head, tail, relation] = [(*pair, relation) for pair in pairs if (*pair, relation) in gold.facts]
    return len(largest_matching(options))


def _sharing(gold: Iterable[Cluster], predicted: Iterable[Cluster]) -> dict[Cluster, set[Cluster]]:
    """Return, for each predicted cluster, the gold clusters that share a span with it."""
    owners: defaultdict[Span, set[Cluster]] = defaultdict(set)
    for cluster in gold:
        for span in cluster:
            owners[span].add(cluster)
    return {cluster: set().union(*(owners[span] for span in cluster)) for cluster in predicted}
