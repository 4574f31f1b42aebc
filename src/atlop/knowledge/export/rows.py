"""Edges as flat rows, for the forms without nesting."""

from __future__ import annotations

from typing import Any

from atlop.knowledge.fact import Passage
from atlop.knowledge.graph import Edge


def edge_row(edge: Edge) -> dict[str, Any]:
    """Return an edge and its fact as a flat row.

    ``sentences`` contains the texts of the sentences to check the fact in, ``sentence_indices`` their indices, and
    ``sentence_spans`` the characters that each covers, as ``start-end``. ``head_spans`` and ``tail_spans`` do so for
    the mentions. Without raw text there are no spans.
    """
    fact = edge.fact
    return {
        "id": edge.id,
        "relation": fact.relation,
        "name": fact.name,
        "document": fact.document,
        "confidence": fact.confidence,
        "is_evidence": fact.is_evidence,
        "sentences": [passage.text for passage in fact.sentences],
        "sentence_indices": [passage.sentence for passage in fact.sentences],
        "sentence_spans": _spans(fact.sentences),
        "head_spans": _spans(fact.head.mentions),
        "tail_spans": _spans(fact.tail.mentions),
    }


def _spans(passages: tuple[Passage, ...]) -> list[str]:
    return ["{}-{}".format(*passage.span) for passage in passages if passage.span is not None]
