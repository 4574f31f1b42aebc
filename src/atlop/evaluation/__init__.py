"""The field's standard metrics."""

from atlop.evaluation.confidence import Bin, calibration_error, reliability
from atlop.evaluation.end_to_end import EndToEndScores, evaluate_end_to_end
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
    "Bin",
    "Counts",
    "EndToEndScores",
    "NamedFact",
    "Predictions",
    "Scores",
    "calibration_error",
    "evaluate",
    "evaluate_by_identifier",
    "evaluate_end_to_end",
    "facts_from_triples",
    "facts_of",
    "reliability",
]
