"""Relations as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from atlop.documents.document import Document
from atlop.documents.relation import Relation


def to_records(documents: Document | Iterable[Document]) -> Iterator[dict[str, Any]]:
    """Yield a flat dictionary for each relation, such as for ``pandas.DataFrame(to_records(documents))``.

    The keys are ``title``, ``head``, ``head_type``, ``relation``, ``name``, ``tail``, ``tail_type``, ``confidence``,
    ``evidence``, ``head_index``, ``tail_index``, ``head_identifier`` and ``tail_identifier``. ``head`` and ``tail`` are
    the names of the first mentions; what is unknown is ``None``.

    Args:
        documents: one document or several, gold or predicted.
    """
    for document in [documents] if isinstance(documents, Document) else documents:
        for relation in document.relations:
            yield _record(document, relation)


def _record(document: Document, relation: Relation) -> dict[str, Any]:
    head, tail = document.entities[relation.head], document.entities[relation.tail]
    return {
        "title": document.title,
        "head": head.name,
        "head_type": head.type,
        "relation": relation.relation,
        "name": relation.name,
        "tail": tail.name,
        "tail_type": tail.type,
        "confidence": relation.confidence,
        "evidence": relation.evidence,
        "head_index": relation.head,
        "tail_index": relation.tail,
        "head_identifier": head.identifier,
        "tail_identifier": tail.identifier,
    }
