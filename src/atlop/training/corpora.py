"""The documents and the label map of a run, read and checked before anything is computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from atlop.config import TrainingConfig
from atlop.documents import Document
from atlop.errors import AtlopError, LabelError, ScoringError
from atlop.evaluation import Counts, evaluate, evaluate_by_identifier
from atlop.formats import read
from atlop.labels import LabelMap, read_columns, read_display_names
from atlop.type_constraints import TypeConstraints


@dataclass(frozen=True)
class Corpora:
    """The documents of a run."""

    train: Sequence[Document]
    dev: Sequence[Document]
    dev_pubtator: Sequence[Document]
    """The dev documents once more, without a list of candidates."""
    unlabelled: Sequence[Document] = ()
    """More training documents; without teachers they have no pairs."""


def read_corpora(config: TrainingConfig) -> Corpora:
    """Read the documents that a configuration names.

    Raises:
        DataError: if a file cannot be read.
        AtlopError: if there is nothing to train on.
    """
    train, dev, dev_pubtator = (
        list(read(path)) if path else [] for path in (config.train, config.dev, config.dev_pubtator)
    )
    if not any(document.pairs for document in train):
        raise AtlopError(f"{config.train}: no document has a pair of entities, expected at least one to train on")
    unlabelled = read_unlabelled(config.train_unlabelled, known=[*train, *dev, *dev_pubtator])
    prepare = _annotated if config.teachers else _without_pairs
    return Corpora(train, dev, dev_pubtator, [prepare(document) for document in unlabelled])


def _annotated(document: Document) -> Document:
    """Return a document with its annotated relations only, without predicted ones."""
    return document.with_relations(tuple(fact for fact in document.relations if fact.confidence is None))


def _without_pairs(document: Document) -> Document:
    return dataclasses.replace(document, relations=(), candidates=())


def read_unlabelled(paths: Sequence[Path], *, known: Sequence[Document]) -> list[Document]:
    """Read documents, each distinct text once.

    Args:
        paths: the files.
        known: documents whose texts are left out.

    Raises:
        DataError: if a file cannot be read.
    """
    seen, found = {document.sentences for document in known}, []
    for document in (document for path in paths for document in read(path)):
        if document.sentences not in seen:
            seen.add(document.sentences)
            found.append(document)
    return found


def make_labels(config: TrainingConfig, documents: Sequence[Document], unlabelled: Sequence[Document] = ()) -> LabelMap:
    """Make the label map of a run from the given columns or the training relations, with the entity types.

    Args:
        config: the configuration of the run.
        documents: the training documents.
        unlabelled: those of ``train_unlabelled``; their annotated relations must be in the label map.

    Raises:
        LabelError: if the file of labels is wrong, or lacks a relation of the documents.
    """
    names = read_display_names(config.label_names) if config.label_names else {}
    if config.labels is None:
        labels = LabelMap.from_relations((r.relation for d in documents for r in d.relations), names)
    else:
        labels = read_columns(config.labels, names)
        _check_known(documents, labels, str(config.train))
    _check_known(unlabelled, labels, "train_unlabelled")
    return dataclasses.replace(labels, type_constraints=TypeConstraints.of(documents))


def _check_known(documents: Sequence[Document], labels: LabelMap, place: str) -> None:
    for document in documents:
        try:
            for relation in document.relations:
                labels.column(relation.relation)
        except LabelError as error:
            raise LabelError(f"{place}: document {document.title!r}: {error}") from error


def check_dev(config: TrainingConfig, corpora: Corpora, labels: LabelMap) -> None:
    """Refuse dev documents that could not be scored after an epoch, or whose scores would always be 0.

    Raises:
        ScoringError: naming the file and what is wrong with it.
    """
    otherwise = "; without dev documents the last epoch is kept"
    if config.dev:
        check_gold(config.dev, corpora.dev, labels, otherwise=otherwise)
    if config.dev_pubtator:
        _check_scores(config.dev_pubtator, corpora.dev_pubtator, labels, evaluate_by_identifier, otherwise)


def check_gold(path: Path, gold: Sequence[Document], labels: LabelMap, *, otherwise: str = "") -> None:
    """Refuse documents that cannot be scored, or contain no relation that a model with these labels learns.

    Args:
        path: the file that they come from.
        gold: the documents.
        labels: the label map.
        otherwise: what to add to the error.

    Raises:
        ScoringError: naming the file and what is wrong with it.
    """
    _check_scores(path, gold, labels, lambda gold, found: evaluate(gold, found).facts, otherwise)


def _check_scores(
    path: Path,
    gold: Sequence[Document],
    labels: LabelMap,
    score: Callable[[Sequence[Document], Sequence[Document]], Counts],
    otherwise: str,
) -> None:
    """Score the gold relations that the model can learn, in the way that each epoch will be scored."""
    known = set(labels.relations)
    best = [d.with_relations(tuple(r for r in d.relations if r.relation in known)) for d in gold]
    try:
        counts = score(gold, best)
    except ScoringError as error:
        raise ScoringError(f"{path}: {error}") from error
    if not counts.tp:
        found = ", ".join(sorted({r.relation for d in gold for r in d.relations})[:3]) or "no relation"
        expected = ", ".join(labels.relations[:3]) or "none, as the training documents have no relations"
        problem = f"nothing to score: got {found}, expected relations that the model learns, such as {expected}"
        raise ScoringError(f"{path}: {problem}{otherwise}")
