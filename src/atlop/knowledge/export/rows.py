"""Edges as flat rows, for the forms that know no nesting."""

from __future__ import annotations

from typing import Any

from atlop.knowledge.fact import Passage
from atlop.knowledge.graph import Edge


def edge_row(edge: Edge) -> dict[str, Any]:
    """Return what an edge says of its fact.

    ``evidence`` holds the texts of the sentences, ``evidence_sentences`` their indices, and ``evidence_spans`` the
    characters that each covers, as ``start-end``. ``head_spans`` and ``tail_spans`` do so for the mentions. Without raw
    text there are no spans.
    """
    fact = edge.fact
    evidence = fact.evidence or ()
    return {
        "id": edge.id,
        "relation": fact.relation,
        "name": fact.name,
        "document": fact.document,
        "confidence": fact.confidence,
        "evidence": [passage.text for passage in evidence],
        "evidence_sentences": [passage.sentence for passage in evidence],
        "evidence_spans": _spans(evidence),
        "head_spans": _spans(fact.head.mentions),
        "tail_spans": _spans(fact.tail.mentions),
    }


def _spans(passages: tuple[Passage, ...]) -> list[str]:
    return ["{}-{}".format(*passage.span) for passage in passages if passage.span is not None]
