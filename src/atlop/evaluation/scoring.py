"""The field's standard metrics, computed on sets of facts that are joined by title.

* :func:`evaluate` computes the scores of the DocRED and Re-DocRED papers. If gold documents list candidate pairs, as in
  the preprocessed CDR and GDA files, only facts about those pairs count, as in the literature.
* :func:`evaluate_by_identifier` computes the BioCreative score: every labelled pair of identifiers counts, whether or
  not a corpus lists it as a candidate.

A fact is labelled (gold), claimed (predicted), or both. A ratio with denominator zero is 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import product
from typing import Any, TypeAlias

from atlop.documents import Document, Entity, Relation
from atlop.errors import DataError, ScoringError, got
from atlop.evaluation.scores import FREQUENT_RELATIONS, Counts, Scores

NamedFact: TypeAlias = tuple[str, str, str]
"""A fact by names, for Ign F1: (head name, tail name, relation)."""

_Relations: TypeAlias = Mapping[str, Sequence[Relation]]

Predictions: TypeAlias = Iterable[Document] | _Relations
"""Documents, or relations by title, as :func:`~atlop.formats.leaderboard.read_submission` returns them."""

_Fact: TypeAlias = tuple[str, int, int, str]
"""A fact by indices: (title, head entity, tail entity, relation)."""

_Evidence: TypeAlias = dict[_Fact, frozenset[int]]
"""The facts of one side with their evidence sentences."""


def evaluate(gold: Iterable[Document], predicted: Predictions, *, train_facts: Set[NamedFact] | None = None) -> Scores:
    """Score predictions against gold documents with the same titles and the same order of entities.

    Names, mentions and candidates come from gold alone. A gold document without a prediction costs recall, a
    prediction without a gold document costs precision. If gold lists candidates, other pairs are ignored on both sides.

    Args:
        gold: the labelled documents.
        predicted: documents with predicted relations, or the relations by title.
        train_facts: the facts that Ign F1 ignores, from :func:`facts_of` or :func:`facts_from_triples`.

    Raises:
        ScoringError: if a title occurs more than once on one side.
    """
    documents = by_title(gold, "gold")
    predictions = predicted if isinstance(predicted, Mapping) else _relations(by_title(predicted, "predictions"))
    labelled_evidence, claimed_evidence = _evidence(_relations(documents), documents), _evidence(predictions, documents)
    labelled, claimed = labelled_evidence.keys(), claimed_evidence.keys()
    intra, inter = _by_distance(labelled | claimed, documents)
    frequent = {fact for fact in labelled | claimed if fact[-1] in FREQUENT_RELATIONS}
    return Scores(
        facts=Counts.of(claimed, labelled),
        evidence=_count_evidence(claimed_evidence, labelled_evidence, documents),
        annotated_evidence=_count_evidence(
            _without_unknown(claimed_evidence, labelled_evidence), labelled_evidence, documents
        ),
        intra=Counts.of(claimed & intra, labelled & intra),
        inter=Counts.of(claimed & inter, labelled & inter),
        frequent=Counts.of(claimed & frequent, labelled & frequent),
        long_tail=Counts.of(claimed - frequent, labelled - frequent),
        correct_in_train=None if train_facts is None else _count_known(claimed & labelled, documents, train_facts),
        unknown_titles=tuple(sorted(predictions.keys() - documents.keys())),
    )


def evaluate_by_identifier(
    gold: Iterable[Document], predicted: Predictions, *, entities: Iterable[Document] | None = None
) -> Counts:
    """Count facts as (title, relation, the two identifiers), whether or not a corpus lists the pair.

    The two sides may have different entities in a different order, such as PubTator gold and predictions on the
    preprocessed file: a labelled pair that was never a candidate costs recall. A predicted fact about an entity
    without an identifier is a false positive. The direction of a fact does not count, since the head is the entity that
    the text mentions first in the preprocessed file, and the chemical in PubTator.

    Args:
        gold: the labelled documents; every related entity has an identifier.
        predicted: documents with predicted relations, or the relations by title.
        entities: the documents whose entities are the heads and tails of relations by title; by default gold.

    Raises:
        ScoringError: if a title occurs more than once on one side, or a gold fact is about an entity without an
            identifier.
    """
    documents = by_title(gold, "gold")
    _check_identified(documents)
    if isinstance(predicted, Mapping):
        claimed = _identified_facts(predicted, documents if entities is None else by_title(entities, "entities"))
    else:
        predictions = by_title(predicted, "predictions")
        claimed = _identified_facts(_relations(predictions), predictions)
    return Counts.of(claimed, _identified_facts(_relations(documents), documents))


def facts_of(documents: Iterable[Document]) -> frozenset[NamedFact]:
    """Return the facts of training documents by name: each name of the head with each name of the tail."""
    return frozenset(
        named
        for document in documents
        for relation in document.relations
        for named in _named(document.entities[relation.head], document.entities[relation.tail], relation.relation)
    )


def facts_from_triples(triples: object) -> frozenset[NamedFact]:
    """Return the facts of a JSON list of [head name, tail name, relation], such as ``train_annotated.fact``.

    Raises:
        DataError: if it is not a list, or a row is not three strings.
    """
    if not isinstance(triples, list):
        raise DataError(f"got {got(triples)}, expected a list of [head name, tail name, relation]")
    for place, row in enumerate(triples):
        if not isinstance(row, list | tuple) or [type(part) for part in row] != [str, str, str]:
            raise DataError(f"got {got(row)}, expected [head name, tail name, relation]", field=f"[{place}]")
    return frozenset((head, tail, relation) for head, tail, relation in triples)


def by_title(documents: Iterable[Document], side: str) -> dict[str, Document]:
    """Return documents by title.

    Args:
        documents: gold or predicted.
        side: the name of this side in the error.

    Raises:
        ScoringError: if a title occurs more than once.
    """
    listed = list(documents)
    repeated = sorted(title for title, count in Counter(doc.title for doc in listed).items() if count > 1)
    if repeated:
        shown = ", ".join(map(repr, repeated[:5])) + (f" and {len(repeated) - 5} more" if len(repeated) > 5 else "")
        expected = "expected each once, as gold and predictions are joined by title"
        raise ScoringError(f"{side}: got several documents with one title, {shown}; {expected}")
    return {document.title: document for document in listed}


def _relations(documents: Mapping[str, Document]) -> _Relations:
    return {title: document.relations for title, document in documents.items()}


def _evidence(relations: _Relations, gold: Mapping[str, Document]) -> _Evidence:
    """Collect the facts that count: all of them, or those about the pairs that the gold document lists."""
    listed = {title: set(doc.candidates) for title, doc in gold.items() if doc.candidates is not None}
    return {
        (title, *relation.fact): frozenset(relation.evidence or ())
        for title, found in relations.items()
        for relation in found
        if title not in listed or (relation.head, relation.tail) in listed[title]
    }


def _by_distance(facts: Set[_Fact], gold: Mapping[str, Document]) -> tuple[set[_Fact], set[_Fact]]:
    """Split facts into intra and inter; a fact about an entity that gold does not have is neither."""
    sentences = {
        title: [frozenset(mention.sentence for mention in entity.mentions) for entity in document.entities]
        for title, document in gold.items()
    }
    placed = {fact for fact in facts if max(fact[1], fact[2]) < len(sentences.get(fact[0], ()))}
    inter = {fact for fact in placed if sentences[fact[0]][fact[1]].isdisjoint(sentences[fact[0]][fact[2]])}
    return placed - inter, inter


def _without_unknown(claimed: _Evidence, labelled: _Evidence) -> _Evidence:
    """Leave out the claimed facts that are labelled without evidence."""
    return {fact: sentences for fact, sentences in claimed.items() if fact not in labelled or labelled[fact]}


def _count_evidence(claimed: _Evidence, labelled: _Evidence, gold: Mapping[str, Document]) -> Counts:
    tp = sum(len(claimed[fact] & labelled[fact]) for fact in claimed.keys() & labelled.keys())
    fp = sum(len(sentences) for (title, *_), sentences in claimed.items() if title in gold) - tp
    # The published scorer starts its count of gold sentences at one to avoid a division by zero. All published evidence
    # scores are computed that way, so this one does the same.
    fn = sum(map(len, labelled.values())) + 1 - tp
    return Counts(tp, fp, fn)


def _count_known(facts: Set[_Fact], gold: Mapping[str, Document], train_facts: Set[NamedFact]) -> int:
    """Count the facts that are among the training facts under any names of their two entities, compared exactly."""
    # The published scorer adds 1e-5 to the denominator of Ign precision, which changes no printed digit; not done here.
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


def _identified_facts(relations: _Relations, documents: Mapping[str, Document]) -> set[tuple[str, str, frozenset[Any]]]:
    """Collect facts by identifier, or by index where there is none; an index never equals a string."""
    identifiers = {title: [entity.identifier for entity in document.entities] for title, document in documents.items()}
    return {
        (title, relation.relation, frozenset(_identity(identifiers.get(title, []), end) for end in relation.fact[:2]))
        for title, found in relations.items()
        for relation in found
    }


def _identity(identifiers: list[str | None], entity: int) -> str | int:
    identifier = identifiers[entity] if entity < len(identifiers) else None
    return entity if identifier is None else identifier
