"""What is known about the real corpora: the strength of the baseline, and the documents that are in two files."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.clustering import RULES, score

from atlop.checking import check
from atlop.formats import read

NEAR = "dev documents that nearly repeat a training text"


@pytest.mark.parametrize(
    ("rule", "f1", "strict"),
    [("equal strings", 86.7, 68.7), ("and equal types", 86.9, 69.7), ("and name parts, acronyms", 90.1, 77.3)],
)
def test_strings_alone_cluster_the_dev_mentions(shared: Path, rule: str, f1: float, strict: float) -> None:
    found = score(read(shared / "data" / "redocred" / "dev.json"), RULES[rule])
    assert (round(100 * found.coreference.f1, 1), round(100 * found.relation_strict.recall, 1)) == (f1, strict)


def test_the_dev_document_among_the_unlabelled_ones_is_found(shared: Path) -> None:
    data = shared / "data"
    report = check(read(data / "docred" / "test_unlabelled.json"), dev=read(data / "redocred" / "dev.json"))
    found = {finding.what: finding.examples for finding in report.findings}
    assert found["dev documents with a training title"] == ("'ABBA Live'",)
    assert found["dev documents with a training text"] == ("'ABBA Live' is 'ABBA Live'",)
    assert found[NEAR][0] == "'Cranks and Shadows' shares 63% with \"Joey's Case\""


def test_the_training_documents_hold_no_dev_document(shared: Path) -> None:
    data = shared / "data" / "redocred"
    report = check(read(data / "train_subset.json"), dev=read(data / "dev.json"))
    assert not [finding for finding in report.findings if "dev" in finding.what]
