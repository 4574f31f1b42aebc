"""The documents and the label map of a run, read and checked before anything is computed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlop.config import TrainingConfig
from atlop.documents import Document
from atlop.errors import AtlopError, LabelError, got, reason
from atlop.formats import read
from atlop.labels import LabelMap
from atlop.type_constraints import TypeConstraints


@dataclass(frozen=True)
class Corpora:
    """The documents of a run."""

    train: Sequence[Document]
    dev: Sequence[Document]
    dev_pubtator: Sequence[Document]
    """The dev documents once more, every pair of the right types a candidate."""


def read_corpora(config: TrainingConfig) -> Corpora:
    """Read the documents that a configuration names.

    Raises:
        DataError: if a file cannot be read.
        AtlopError: if there is nothing to train on.
    """
    documents = [list(read(path)) if path else [] for path in (config.train, config.dev, config.dev_pubtator)]
    if not any(document.pairs for document in documents[0]):
        raise AtlopError(f"{config.train}: no document has a pair of entities, expected something to train on")
    types = _types(documents[0])
    return Corpora(documents[0], documents[1], [with_typed_candidates(d, types) for d in documents[2]])


def _types(documents: Sequence[Document]) -> frozenset[tuple[str, str]]:
    """Collect the (head type, tail type) pairs of all candidates."""
    return frozenset(
        (document.entities[head].type, document.entities[tail].type)
        for document in documents
        for head, tail in document.candidates or ()
    )


def with_typed_candidates(document: Document, types: frozenset[tuple[str, str]]) -> Document:
    """Make every pair of identified entities of certain types a candidate, such as chemical and disease.

    Where the types may stand in both orders, the entity that the text names first is the head, as in the preprocessed
    CDR file.
    """
    entities = document.entities
    named = [place for place, entity in enumerate(entities) if entity.identifier]
    order = sorted(named, key=lambda place: [(m.sentence, m.start) for m in entities[place].mentions])
    pairs = [(head, tail) for place, head in enumerate(order) for tail in order[place + 1 :]]
    turned = [pair if _typed(document, pair) in types else pair[::-1] for pair in pairs]
    return dataclasses.replace(document, candidates=tuple(pair for pair in turned if _typed(document, pair) in types))


def _typed(document: Document, pair: tuple[int, int]) -> tuple[str, str]:
    head, tail = pair
    return document.entities[head].type, document.entities[tail].type


def make_labels(config: TrainingConfig, documents: Sequence[Document]) -> LabelMap:
    """Make the label map of a run: the given columns, or the relations of the training documents; and their types.

    Raises:
        LabelError: if the file of labels is wrong, or lacks a relation of the documents.
    """
    names = _read_names(config.label_names)
    if config.labels is None:
        labels = LabelMap.from_relations((r.relation for d in documents for r in d.relations), names)
    else:
        labels = _read_columns(config.labels, names)
        for document in documents:
            for relation in document.relations:
                _check_known(relation.relation, labels, document, config)
    return dataclasses.replace(labels, type_constraints=TypeConstraints.of(documents))


def _check_known(relation: str, labels: LabelMap, document: Document, config: TrainingConfig) -> None:
    try:
        labels.column(relation)
    except LabelError as error:
        raise LabelError(f"{config.train}: document {document.title!r}: {error}") from error


def _read_columns(path: Path, names: dict[str, str]) -> LabelMap:
    columns = _read_json(path)
    try:
        return LabelMap.from_columns(columns, names)
    except LabelError as error:
        raise LabelError(f"{path}: {error}") from error


def _read_names(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    names = _read_json(path)
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise LabelError(f"{path}: got {got(names)}, expected an object with a name for people for each relation")
    return names


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LabelError(f"{path}: not readable as JSON: {reason(error)}") from error
