"""The bundled model holds what its card says of its training."""

from __future__ import annotations

from pathlib import Path

from atlop.folder import BUNDLED, load_labels
from atlop.formats import read
from atlop.type_constraints import TypeConstraints


def test_its_type_pairs_are_those_of_its_training_documents(shared: Path) -> None:
    training = read(shared / "data" / "redocred" / "train_subset.json")
    assert load_labels(BUNDLED).type_constraints == TypeConstraints.of(training)
