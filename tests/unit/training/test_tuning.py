"""Offsets worked out by hand, and confidences of margins whose probabilities are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from atlop import Document, Entity, LabelMap, Mention, PairScores, Relation
from atlop.calibration import Calibration
from atlop.errors import AtlopError
from atlop.training import confidence
from atlop.training.confidence import fit_confidence, fit_curve, thinned
from atlop.training.tuning import Margins, Objective, TunedScores, best_offset, score_by_halves, tune

LABELS = LabelMap(("P1", "P2"))
ENTITY = Entity((Mention(0, 0, 1, "PER", "a"),))
NOTHING = PairScores("a", np.zeros((0, 2), np.int64), np.zeros((0, 3), np.float32))


def scored(*margin: tuple[float, float], threshold: float = 0.0) -> PairScores:
    """Scores of the first ordered pairs of a document of two entities, as margins over a threshold."""
    logits = [[threshold, threshold + first, threshold + second] for first, second in margin]
    return PairScores("a", np.array([(0, 1), (1, 0)])[: len(margin)], np.array(logits, dtype=np.float32))


def labelled(*relations: Relation, candidates: tuple[tuple[int, int], ...] | None = None) -> Document:
    """A document of two entities."""
    return Document("a", (("a",),), (ENTITY, ENTITY), relations, candidates)


def margins_of(*documents: tuple[PairScores, Document], labels: LabelMap = LABELS) -> Margins:
    scores, gold = zip(*documents, strict=True)
    return Margins.of(scores, gold, labels)


def offset_of(scores: PairScores, gold: Document, objective: str = "f1") -> float:
    return best_offset(margins_of((scores, gold)), Objective.parse(objective))


def made(values: Sequence[float] | NDArray[np.floating], right: Sequence[bool] | NDArray[np.bool_]) -> Margins:
    """Margins of one relation."""
    found = np.array(right, dtype=np.bool_)
    return Margins(
        np.array(values, dtype=np.float32), found, np.zeros(len(found), np.int16), np.array([found.sum(), 0])
    )


def drawn(probability: Callable[[NDArray[np.float64]], NDArray[np.float64]], count: int = 20_000) -> Margins:
    """Margins from -4 to 4, each right with its probability."""
    random = np.random.default_rng(0)
    values = random.uniform(-4, 4, count)
    return made(values, random.random(count) < probability(values))


def test_the_offset_lets_in_what_raises_f1() -> None:
    gold = labelled(Relation(0, 1, "P1"), Relation(1, 0, "P2"))
    # By falling margin: right at 1, wrong at -1, right at -2, wrong at -5. F1 of the cuts: 2/3, 2/4, 4/5, 4/6.
    assert offset_of(scored((1, -1), (-5, -2), threshold=7), gold) == pytest.approx(3.5)


def test_the_offset_keeps_out_what_lowers_f1() -> None:
    # Right at 4, the others wrong: the best cut is after the first.
    assert offset_of(scored((4, 2), (1, 0.5)), labelled(Relation(0, 1, "P1"))) == pytest.approx(-3)


def test_nothing_labelled_moves_nothing() -> None:
    assert offset_of(scored((4, 2), (1, 0.5)), labelled()) == 0


def test_pairs_without_a_score_count_as_missed() -> None:
    gold = labelled(Relation(0, 1, "P1"), Relation(1, 0, "P2"))
    # Of pair (1, 0) only: wrong at 3, right at -1. F1 of the cuts: 0, 2/4.
    scores = PairScores("a", np.array([(1, 0)]), np.array([[0, 3, -1]], dtype=np.float32))
    assert offset_of(scores, gold) == pytest.approx(1.5)


def test_facts_count_as_they_are_evaluated() -> None:
    """Those of other pairs than the candidates do not, those of relations that the model does not know do."""
    facts = Relation(0, 1, "P1"), Relation(1, 0, "P2"), Relation(0, 1, "P9")
    assert margins_of((scored((1, 2)), labelled(*facts, candidates=((0, 1),)))).wanted.tolist() == [1, 0, 1]
    assert margins_of((scored((1, 2)), labelled(*facts))).wanted.tolist() == [1, 1, 1]


def test_every_margin_may_count() -> None:
    gold = labelled(*(Relation(head, 1 - head, name) for head in (0, 1) for name in ("P1", "P2")))
    scores = scored((-1, -2), (-3, -4))
    assert offset_of(scores, gold) == pytest.approx(4.5)
    assert tune(margins_of((scores, gold)), LABELS).offset == pytest.approx(4.5)


def test_the_offset_keeps_out_the_next_margin_however_close() -> None:
    values, right = [3.0, 2.0, 1.0, *np.linspace(0.5, -7, 200)], [True] * 3 + [False] * 200
    assert best_offset(made(values, right)) == pytest.approx(-0.75)


def test_only_margins_whose_f1_could_be_the_best_are_looked_at() -> None:
    values = np.arange(1000, 0, -1.0)
    margins = made(values, values > 990)
    assert margins.likely().values.tolist() == values[:200].tolist()
    ties = made(np.repeat([2.0, 1.0], 50), np.arange(100) == 0)
    assert len(ties.likely().values) == 50
    assert margins.likely().wanted.tolist() == [10, 0]


@pytest.mark.parametrize("second", [Relation(0, 1, "P2"), Relation(1, 0, "P1")])
def test_equal_margins_are_kept_or_dropped_together(second: Relation) -> None:
    gold = labelled(Relation(0, 1, "P1"), second)
    # Right at 3, then right and wrong at 1, wrong at -1. F1 of the cuts: 2/3, 4/5, 4/6; no cut parts the two at 1.
    assert offset_of(scored((3, 1), (1, -1)), gold) == pytest.approx(0.0)
    assert offset_of(scored((2, 2), (2, 2)), gold) == pytest.approx(-1.5)


def test_an_offset_that_finds_nothing_is_no_offset() -> None:
    for scores in (NOTHING, PairScores("a", np.array([(1, 0)]), np.array([[0, 3, -1]], dtype=np.float32))):
        assert offset_of(scores, labelled(Relation(0, 1, "P1"))) == 0


TEN = made(range(10, 0, -1), [True] * 4 + [False] + [True] * 2 + [False] * 3)
"""By falling margin from 10: precisions 1, 1, 1, 1, 4/5, 5/6, 6/7, 6/8, 6/9, 6/10 of cuts, recalls in sixths."""


@pytest.mark.parametrize(
    ("objective", "offset"),
    [
        ("f1", -3.5),
        ("precision=0.9", -6.5),
        ("precision=0.85", -3.5),
        ("precision=1", -6.5),
        # Exactly reached.
        ("precision=0.75", -2.5),
        ("precision=.6", 0.0 - 0.5),
        ("recall=0.8", -3.5),  # a cut below reaches more at a higher precision
        ("recall=0.5", -7.5),
        ("recall=1.0", -3.5),
    ],
)
def test_an_objective_is_met_with_the_most_of_the_other_score(objective: str, offset: float) -> None:
    assert best_offset(TEN, Objective.parse(objective)) == pytest.approx(offset)


def test_a_higher_recall_that_is_also_more_precise_is_taken() -> None:
    margins = made(range(4, 0, -1), [False, True, True, False])  # precisions 0, 1/2, 2/3, 2/4; recalls 0, 1/2, 1, 1
    assert best_offset(margins, Objective("recall", 0.5)) == pytest.approx(-1.5)


def test_a_precision_of_nine_in_ten_and_a_recall_of_eight_in_ten_are_reached_on_drawn_margins() -> None:
    margins = drawn(lambda values: 1 / (1 + np.exp(-2 * values)))
    for text in ("precision=0.9", "recall=0.8"):
        objective = Objective.parse(text)
        counts = margins.counts(Calibration(best_offset(margins, objective)), LabelMap(("P1",)))
        assert objective.least <= getattr(counts, objective.metric) < objective.least + 0.001


def test_every_recall_may_be_asked_for() -> None:
    """That of the lowest margin, too, which a search for F1 would not look at."""
    values = np.arange(1000, 0, -1)
    assert best_offset(made(values, (values == 1) | (values > 990)), Objective("recall", 1.0)) == pytest.approx(-0.5)


@pytest.mark.parametrize("text", ["F1", "precision", "precision=0", "recall=1.1", "precision=nan", "recall=-0.5", ""])
def test_another_objective_is_told(text: str) -> None:
    with pytest.raises(AtlopError) as caught:
        Objective.parse(text)
    expected = "f1, precision=NUMBER or recall=NUMBER, the number above 0 and at most 1"
    assert str(caught.value) == f"objective: got {text!r} (str), expected {expected}"


@pytest.mark.parametrize("objective", ["precision=0.9", "recall=0.8"])
def test_an_objective_that_no_offset_reaches_is_told(objective: str) -> None:
    with pytest.raises(AtlopError) as caught:
        offset_of(scored((1, 2)), labelled(Relation(1, 0, "P1")), objective)
    found = f"no offset reaches {objective.replace('=', ' ')} on these documents, 0 at best"
    assert str(caught.value) == f"objective: {found}; ask for less, or tune on more documents"


def test_the_best_that_is_reached_is_told() -> None:
    with pytest.raises(AtlopError, match=r"reaches precision 0\.9 on these documents, 0\.75 at best; ask for less"):
        best_offset(made([4, 3, 2, 1], [False, True, True, True]), Objective("precision", 0.9))


def test_offsets_of_relations_are_for_f1() -> None:
    with pytest.raises(AtlopError) as caught:
        tune(TEN, LabelMap(("P1",)), objective=Objective("recall", 0.8), per_relation=True)
    assert str(caught.value) == "per_relation: got the objective recall, expected f1"


def two_relations(facts: int) -> Margins:
    """Of P1, all margins above 0 are right; of P2, those above 2. P3 is of no fact."""
    values = np.concatenate([np.linspace(-3, 4, 7 * facts), np.linspace(-2, 3, 5 * facts), [5.0]])
    relation = np.repeat([0, 1, 2], [7 * facts, 5 * facts, 1])
    right = values > np.array([0, 2, 9])[relation]
    wanted = np.array([right[relation == place].sum() for place in (0, 1, 2)] + [0])
    return Margins(values.astype(np.float32), right, relation.astype(np.int16), wanted)


@pytest.mark.parametrize("facts", [20, 1000])
def test_the_offset_of_a_relation_is_shrunk_towards_the_common_one_by_its_facts(facts: int) -> None:
    margins, labels = two_relations(facts), LabelMap(("P1", "P2", "P3"))
    calibration = tune(margins, labels, per_relation=True)
    assert calibration.relation_offsets.keys() == {"P1", "P2"}
    for place, (name, own) in enumerate((("P1", 0.0), ("P2", -2.0))):
        count = int(margins.wanted[place])
        shrunk = (count * own + 100 * calibration.offset) / (count + 100)
        assert calibration.relation_offsets[name] == pytest.approx(shrunk, abs=0.05)
    assert margins.counts(calibration, labels).f1 > margins.counts(Calibration(calibration.offset), labels).f1


def test_a_relation_none_of_whose_margins_would_help_has_the_common_offset() -> None:
    margins = made([3, 2, 1], [True, True, False])
    other = Margins(
        np.concatenate([margins.values, [9, 8, 7, 6, -5]]).astype(np.float32),
        np.concatenate([margins.right, [False] * 4, [True]]).astype(np.bool_),
        np.array([0, 0, 0, 1, 1, 1, 1, 1], np.int16),
        np.array([2, 1, 0]),
    )
    calibration = tune(other, LABELS, per_relation=True)
    assert calibration.relation_offsets["P2"] == pytest.approx(calibration.offset)


def test_a_sigmoid_is_fitted_where_confidences_are_one() -> None:
    calibration = tune(drawn(lambda values: 1 / (1 + np.exp(-(0.5 * values - 1))), 40_000), LabelMap(("P1",)))
    assert calibration.curve == ()
    assert (calibration.scale, calibration.bias) == (pytest.approx(0.5, abs=0.03), pytest.approx(-1, abs=0.05))


def steps(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities that no sigmoid has."""
    return np.select([values < -1, values < 1], [0.1, 0.5], 0.6)


def test_a_curve_is_fitted_where_no_sigmoid_fits() -> None:
    calibration = tune(drawn(steps), LabelMap(("P1",)))
    assert calibration.curve
    places = np.array([-3.0, -2, 0, 0.5, 2, 3])
    assert calibration.confidence(places) == pytest.approx(steps(places), abs=0.05)


@pytest.mark.parametrize("count", [100, 20_000])
def test_the_curve_rises_and_the_stored_one_is_close_to_that_of_all_levels(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    margins = drawn(lambda values: 1 / (1 + np.exp(-values)), count)
    stored = fit_curve(margins.values, margins.right)["curve"]
    monkeypatch.setattr(confidence, "TOLERANCE", 0.0)
    whole = fit_curve(margins.values, margins.right)["curve"]
    assert len(stored) <= min(60, len(whole))
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(stored))
    values = np.linspace(-5, 5, 5001)
    both = (Calibration(curve=points).confidence(values) for points in (stored, whole))
    assert np.abs(np.subtract(*both)).max() <= 0.005 + 1e-3  # rounding of the points


def test_points_on_a_line_are_left_out() -> None:
    """And points that are off by no more than half a percentage point."""
    x = np.array([0.0, 1, 2, 3, 4])
    assert thinned(x, np.array([0, 0.1, 0.2, 0.3, 0.4])).tolist() == [0, 4]
    assert thinned(x, np.array([0, 0.1, 0.2, 0.6, 0.7])).tolist() == [0, 2, 3, 4]
    assert thinned(x, np.array([0, 0.1, 0.204, 0.3, 0.4])).tolist() == [0, 4]
    assert thinned(x[:1], np.array([0.5])).tolist() == [0]


def test_higher_margins_are_never_less_sure() -> None:
    """A model that is right where it is not sure: then all are as sure as the rest."""
    calibration = tune(drawn(lambda values: 1 / (1 + np.exp(values))), LabelMap(("P1",)))
    found = calibration.confidence(np.linspace(-4, 4, 50))
    assert (np.diff(found) >= 0).all()
    assert found == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("right", [[], [False] * 4, [True] * 4, [True, False, False, False]])
def test_too_little_to_fit_on_leaves_the_confidence_as_trained(right: list[bool]) -> None:
    calibration = tune(made([4.0, 3.0, 2.0, 1.0][: len(right)], right), LabelMap(("P1",)))
    assert (calibration.scale, calibration.bias, calibration.curve) == (1.0, 0.0, ())


def test_margins_are_parted_by_rank_not_by_place() -> None:
    """Of every pair of relations, only the second is ever true."""
    margins = np.array([-3, 4, -2, 3, -4, 2, -1, -0.5], np.float32)
    assert fit_confidence(margins, np.array([False, True] * 4))


def test_documents_without_pairs_have_nothing_to_tune() -> None:
    assert tune(margins_of((NOTHING, labelled(Relation(0, 1, "P1")))), LABELS) == Calibration()
    assert score_by_halves([NOTHING, NOTHING], [labelled(), labelled()], LABELS) == TunedScores(0, 0, 0, 0, 0)
    assert score_by_halves([], [], LABELS) == TunedScores(0, 0, 0, 0, 0)


def test_halves_are_scored_with_what_was_fitted_on_the_other() -> None:
    gold = [labelled(Relation(0, 1, "P1"))] * 2
    # On the first document the best offset is 1.5, on the second -2: right at -1, and at 3.
    scores = [scored((-1, -2)), scored((3, 1))]
    found = score_by_halves(scores, gold, LABELS)
    # The first as fitted on the second: nothing. The second as fitted on the first: both relations.
    assert (found.f1, found.precision, found.recall) == (0.5, 0.5, 0.5)
    right = score_by_halves([scores[1]] * 2, gold, LABELS)
    assert (right.f1, right.precision, right.recall) == (1, 1, 1)


def test_a_half_that_cannot_reach_the_objective_is_fitted_for_f1() -> None:
    """The pair of the second document is not scored, so no offset finds it, but one finds half of all facts."""
    objective, missed = Objective("recall", 0.5), PairScores("a", np.array([(1, 0)]), np.array([[0, 1, 2]], np.float32))
    scores, gold = [scored((-1, -2)), missed], [labelled(Relation(0, 1, "P1"))] * 2
    assert tune(Margins.of(scores, gold, LABELS), LABELS, objective=objective).offset == pytest.approx(1.5)
    found = score_by_halves(scores, gold, LABELS, objective=objective)
    # The first document with the offset 0, the second with 1.5: nothing is found but two wrong facts.
    assert (found.f1, found.precision, found.recall) == (0, 0, 0)


def test_halves_refuse_offsets_of_relations_for_a_recall() -> None:
    with pytest.raises(AtlopError, match="per_relation: got the objective recall, expected f1"):
        score_by_halves([], [], LABELS, objective=Objective("recall", 0.5), per_relation=True)


def test_the_error_of_halves_is_of_all_documents() -> None:
    """Nothing is fitted of so few margins: both errors are those of sigmoids."""
    gold = [labelled(Relation(0, 1, "P1"))] * 2
    found = score_by_halves([scored((-1, -2)), scored((3, 1))], gold, LABELS)
    sigmoid = 1 / (1 + np.exp(-np.array([-1.0, -2, 3, 1])))
    error = np.abs(sigmoid - [1, 0, 1, 0]).mean()
    assert found.uncalibrated_error == found.calibration_error == pytest.approx(error)


def test_one_document_is_scored_as_nothing_was_fitted() -> None:
    found = score_by_halves([scored((3, -1), (1, -2))], [labelled(Relation(0, 1, "P1"))], LABELS)
    assert (found.precision, found.recall) == (0.5, 1)


def test_one_relation_that_is_all_of_the_label_map() -> None:
    labels = LabelMap(("P1",))
    scores = PairScores("a", np.array([(0, 1), (1, 0)]), np.array([[0, 2], [0, 1]], dtype=np.float32))
    assert tune(Margins.of([scores], [labelled(Relation(0, 1, "P1"))], labels), labels).offset == pytest.approx(-1.5)


def test_two_of_two_that_are_right_do_not_make_the_next_one_certain() -> None:
    curve = fit_curve(np.array([0.0, 1, 2, 3], np.float32), np.array([False, False, True, True]))["curve"]
    # Half a right one in 2.5 below, half a wrong one in 2.5 above.
    assert curve == ((0.5, 0.2), (2.5, 0.8))
