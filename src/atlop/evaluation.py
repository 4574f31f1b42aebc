"""Scores as the field counts them: pure sets of facts, joined by title.

* :func:`evaluate` gives the scores of the DocRED and Re-DocRED papers. Where gold documents list candidate pairs, as
  the preprocessed CDR and GDA files do, only facts about those pairs count, which is the literature's count there.
* :func:`evaluate_by_identifier` gives the honest count of BioCreative: no list of candidates, every labelled pair of
  identifiers counts.

A fact is labelled (gold), claimed (predicted), or both. Whatever is divided by nothing is 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

from atlop.documents import Document, Entity
from atlop.errors import DataError, ScoringError, got

FREQUENT_RELATIONS = frozenset({"P17", "P131", "P27", "P150", "P175", "P577", "P463", "P527", "P495", "P361"})
"""The ten relations that Re-DocRED scores apart; every other relation belongs to the long tail."""

NamedFact: TypeAlias = tuple[str, str, str]
"""A fact by names, for Ign F1: (head name, tail name, relation)."""

_Fact: TypeAlias = tuple[str, int, int, str]
"""A fact by places: (title, head entity, tail entity, relation)."""

_Evidence: TypeAlias = dict[_Fact, frozenset[int]]
"""The facts of one side, each with the sentences given as its evidence."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What precision, recall and F1 are made of; counts of several documents add up with ``+``."""

    tp: int = 0
    """True positives: claimed and labelled."""
    fp: int = 0
    """False positives: claimed, not labelled."""
    fn: int = 0
    """False negatives: labelled, not claimed."""

    @classmethod
    def of(cls, claimed: Set[Any], labelled: Set[Any]) -> Counts:
        """Compare two sets of facts, whatever a fact is."""
        return cls(len(claimed & labelled), len(claimed - labelled), len(labelled - claimed))

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float:
        """The share of what is claimed that is labelled; 0 where nothing is claimed."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """The share of what is labelled that is claimed; 0 where nothing is labelled."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return _harmonic_mean(self.precision, self.recall)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """How well predictions agree with gold, as the papers on DocRED and Re-DocRED report it."""

    facts: Counts
    """All facts."""
    evidence: Counts
    """Evidence sentences of all facts in known documents; ``fn`` is one too many, as in the published scorer."""
    intra: Counts
    """Facts whose entities share a sentence by at least one mention each."""
    inter: Counts
    """Facts whose entities share no sentence."""
    frequent: Counts
    """Facts of :data:`FREQUENT_RELATIONS`."""
    long_tail: Counts
    """Facts of all other relations."""
    correct_in_train: int | None = None
    """How many true positives the training facts already hold; ``None`` where none were given."""
    unknown_titles: tuple[str, ...] = ()
    """Titles of predictions, in alphabetical order, that no gold document has; their facts are false positives."""

    @property
    def precision(self) -> float:
        """Precision over all facts."""
        return self.facts.precision

    @property
    def recall(self) -> float:
        """Recall over all facts."""
        return self.facts.recall

    @property
    def f1(self) -> float:
        """F1 over all facts."""
        return self.facts.f1

    @property
    def ign_precision(self) -> float | None:
        """Precision over the claimed facts but those that are right and known from training."""
        if self.correct_in_train is None:
            return None
        return Counts(self.facts.tp - self.correct_in_train, self.facts.fp).precision

    @property
    def ign_f1(self) -> float | None:
        """Ign F1: the harmonic mean of ``ign_precision`` and the recall over all facts."""
        return None if self.ign_precision is None else _harmonic_mean(self.ign_precision, self.recall)

    def to_json(self) -> dict[str, float | None]:
        """Give the scores under the names that papers and scripts use; Ign F1 is ``None`` without training facts."""
        return {
            "f1": self.f1,
            "evidence_f1": self.evidence.f1,
            "ign_f1": self.ign_f1,
            "precision": self.precision,
            "recall": self.recall,
            "frequent_f1": self.frequent.f1,
            "long_tail_f1": self.long_tail.f1,
            "intra_f1": self.intra.f1,
            "inter_f1": self.inter.f1,
            "frequent_precision": self.frequent.precision,
            "frequent_recall": self.frequent.recall,
            "long_tail_precision": self.long_tail.precision,
            "long_tail_recall": self.long_tail.recall,
        }


def evaluate(
    gold: Iterable[Document], predicted: Iterable[Document], *, train_facts: Set[NamedFact] | None = None
) -> Scores:
    """Score predictions against gold documents of the same titles and the same order of entities.

    Names, mentions and candidates are taken from gold alone. A gold document without a prediction costs recall, a
    prediction without a gold document costs precision. Where gold lists candidates, other pairs are left out on
    both sides.

    Args:
        gold: the labelled documents.
        predicted: the documents with predicted relations.
        train_facts: the facts that Ign F1 leaves out, from :func:`facts_of` or :func:`facts_from_triples`.

    Raises:
        ScoringError: if a title stands twice on one side.
    """
    documents, predictions = _by_title(gold, "gold"), _by_title(predicted, "predictions")
    labelled_evidence, claimed_evidence = _evidence(documents, documents), _evidence(predictions, documents)
    labelled, claimed = labelled_evidence.keys(), claimed_evidence.keys()
    intra, inter = _by_distance(labelled | claimed, documents)
    frequent = {fact for fact in labelled | claimed if fact[-1] in FREQUENT_RELATIONS}
    return Scores(
        facts=Counts.of(claimed, labelled),
        evidence=_count_evidence(claimed_evidence, labelled_evidence, documents),
        intra=Counts.of(claimed & intra, labelled & intra),
        inter=Counts.of(claimed & inter, labelled & inter),
        frequent=Counts.of(claimed & frequent, labelled & frequent),
        long_tail=Counts.of(claimed - frequent, labelled - frequent),
        correct_in_train=None if train_facts is None else _count_known(claimed & labelled, documents, train_facts),
        unknown_titles=tuple(sorted(predictions.keys() - documents.keys())),
    )


def evaluate_by_identifier(gold: Iterable[Document], predicted: Iterable[Document]) -> Counts:
    """Count facts as (title, relation, the two identifiers), whichever pairs a corpus lists.

    The two sides may hold other entities in another order, such as PubTator gold and predictions made on the
    preprocessed file: a labelled pair that was never a candidate costs recall. A predicted fact about an entity
    without an identifier is a false positive. Head and tail are not told apart, as the preprocessed file calls the
    entity that its text names first the head, and PubTator the chemical.

    Args:
        gold: the labelled documents, every related entity with an identifier.
        predicted: the documents with predicted relations.

    Raises:
        ScoringError: if a title stands twice on one side, or a gold fact is about an entity without an identifier.
    """
    documents, predictions = _by_title(gold, "gold"), _by_title(predicted, "predictions")
    _check_identified(documents)
    return Counts.of(_identified_facts(predictions), _identified_facts(documents))


def facts_of(documents: Iterable[Document]) -> frozenset[NamedFact]:
    """Give the facts of training documents by name: every name of the head with every name of the tail."""
    return frozenset(
        named
        for document in documents
        for relation in document.relations
        for named in _named(document.entities[relation.head], document.entities[relation.tail], relation.relation)
    )


def facts_from_triples(triples: object) -> frozenset[NamedFact]:
    """Give the facts that a JSON list of [head name, tail name, relation] holds, such as ``train_annotated.fact``.

    Raises:
        DataError: if it is not a list, or a row is not three texts.
    """
    if not isinstance(triples, list):
        raise DataError(f"got {got(triples)}, expected a list of [head name, tail name, relation]")
    for place, row in enumerate(triples):
        if not isinstance(row, list | tuple) or [type(part) for part in row] != [str, str, str]:
            raise DataError(f"got {got(row)}, expected [head name, tail name, relation]", field=f"[{place}]")
    return frozenset((head, tail, relation) for head, tail, relation in triples)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _harmonic_mean(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _by_title(documents: Iterable[Document], side: str) -> dict[str, Document]:
    listed = list(documents)
    repeated = sorted(title for title, count in Counter(doc.title for doc in listed).items() if count > 1)
    if repeated:
        shown = ", ".join(map(repr, repeated[:5])) + (f" and {len(repeated) - 5} more" if len(repeated) > 5 else "")
        expected = "expected each once, as gold and predictions are joined by title"
        raise ScoringError(f"{side}: got several documents with one title, {shown}; {expected}")
    return {document.title: document for document in listed}


def _evidence(documents: Mapping[str, Document], gold: Mapping[str, Document]) -> _Evidence:
    """Collect the facts that count: all of them, or those about the pairs that the gold document lists."""
    listed = {title: set(doc.candidates) for title, doc in gold.items() if doc.candidates is not None}
    return {
        (title, *relation.fact): frozenset(relation.evidence or ())
        for title, document in documents.items()
        for relation in document.relations
        if title not in listed or (relation.head, relation.tail) in listed[title]
    }


def _by_distance(facts: Set[_Fact], gold: Mapping[str, Document]) -> tuple[set[_Fact], set[_Fact]]:
    """Part facts into intra and inter; one about an entity that gold does not have is at no known distance."""
    sentences = {
        title: [frozenset(mention.sentence for mention in entity.mentions) for entity in document.entities]
        for title, document in gold.items()
    }
    placed = {fact for fact in facts if max(fact[1], fact[2]) < len(sentences.get(fact[0], ()))}
    inter = {fact for fact in placed if sentences[fact[0]][fact[1]].isdisjoint(sentences[fact[0]][fact[2]])}
    return placed - inter, inter


def _count_evidence(claimed: _Evidence, labelled: _Evidence, gold: Mapping[str, Document]) -> Counts:
    tp = sum(len(claimed[fact] & labelled[fact]) for fact in claimed.keys() & labelled.keys())
    fp = sum(len(sentences) for (title, *_), sentences in claimed.items() if title in gold) - tp
    # The published scorer begins its count of gold sentences at one so as never to divide by nothing. All published
    # evidence scores are made that way, so the one is kept here.
    fn = sum(map(len, labelled.values())) + 1 - tp
    return Counts(tp, fp, fn)


def _count_known(facts: Set[_Fact], gold: Mapping[str, Document], train_facts: Set[NamedFact]) -> int:
    """Count the facts that the training facts hold under any names of their two entities, letter for letter."""
    # The 1e-5 that the published scorer adds below Ign precision moves no printed digit and is left out.
    return sum(
        any(named in train_facts for named in _named(gold[title].entities[head], gold[title].entities[tail], relation))
        for title, head, tail, relation in facts
    )


def _named(head: Entity, tail: Entity, relation: str) -> set[NamedFact]:
    heads, tails = ({mention.name for mention in entity.mentions} for entity in (head, tail))
    return {(head_name, tail_name, relation) for head_name, tail_name in product(heads, tails)}


def _check_identified(gold: Mapping[str, Document]) -> None:
    for title, document in gold.items():
        for r, relation in enumerate(document.relations):
            nameless = [end for end in (relation.head, relation.tail) if document.entities[end].identifier is None]
            if nameless:
                place = f"gold: document {title!r}: relations[{r}]: got entity {nameless[0]} without an identifier"
                raise ScoringError(f"{place}, expected one for every related entity; use evaluate() instead")


def _identified_facts(documents: Mapping[str, Document]) -> set[tuple[str, str, frozenset[str | int]]]:
    """Collect facts by identifier; the index stands in where there is none, and an index never equals a text."""
    return {
        (title, relation.relation, frozenset(_identity(document, end) for end in (relation.head, relation.tail)))
        for title, document in documents.items()
        for relation in document.relations
    }


def _identity(document: Document, entity: int) -> str | int:
    identifier = document.entities[entity].identifier
    return entity if identifier is None else identifier
