"""The bundled model holds what its card says of its training, and the page of results has the scores of the card."""

from __future__ import annotations

import runpy
from pathlib import Path

from atlop.folder import BUNDLED, load_labels
from atlop.formats import read
from atlop.type_constraints import TypeConstraints

ROOT = Path(__file__).resolve().parents[2]


def test_its_type_pairs_are_those_of_its_training_documents(shared: Path) -> None:
    training = read(shared / "data" / "redocred" / "train_subset.json")
    assert load_labels(BUNDLED).type_constraints == TypeConstraints.of(training)


def test_the_page_of_results_has_the_scores_of_the_card() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "bundle_model.py"))
    page, card = script["RESULTS"].read_text(encoding="utf-8"), (BUNDLED / "README.md").read_text(encoding="utf-8")
    assert script["with_scores"](page, card) == page
