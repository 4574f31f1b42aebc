"""The field's standard metrics."""

from atlop.evaluation.scores import FREQUENT_RELATIONS, Counts, Scores
from atlop.evaluation.scoring import (
    NamedFact,
    Predictions,
    evaluate,
    evaluate_by_identifier,
    facts_from_triples,
    facts_of,
)

__all__ = [
    "FREQUENT_RELATIONS",
    "Counts",
    "NamedFact",
    "Predictions",
    "Scores",
    "evaluate",
    "evaluate_by_identifier",
    "facts_from_triples",
    "facts_of",
]
