"""The rules for evidence are scored as they are described."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from benchmarks import evidence
from benchmarks.evidence import Predicted

from atlop.checkpoint import Checkpoint, save
from atlop.documents import Document, Entity, Mention, Relation
from atlop.formats import write

WORDS = (("Ada",), ("met",), ("Bob",))
ENTITIES = (Entity((Mention(0, 0, 1, "PER", "Ada"),)), Entity((Mention(2, 0, 1, "PER", "Bob"),)))
SHARES = np.array([[0.6, 0.3, 0.1], [0.5, 0.3, 0.2]], dtype=np.float32)


def predicted(title: str) -> Predicted:
    """Return a right fact, of which two sentences are evidence, and a less confident wrong one."""
    gold = Document(title, WORDS, ENTITIES, (Relation(0, 1, "knows", evidence=(0, 1)),))
    found = (Relation(0, 1, "knows", confidence=0.9), Relation(1, 0, "knows", confidence=0.4))
    return Predicted(gold, gold.with_relations(found), SHARES)


def chosen(document: Document) -> list[tuple[int, ...] | None]:
    return [relation.evidence for relation in document.relations]


def test_each_rule_by_hand() -> None:
    one = predicted("a")
    assert chosen(one.with_evidence(0.2, by_confidence=False)) == [(0, 1), (0, 1, 2)]
    # 0.9 * 0.3 is enough, 0.4 * 0.3 is not.
    assert chosen(one.with_evidence(0.2, by_confidence=True)) == [(0, 1), (0,)]


def test_the_scores_of_a_line() -> None:
    one = predicted("a")
    f1, annotated, correct, sentences = evidence.score([one.gold], [one.with_evidence(0.2, by_confidence=True)])
    # Two of three sentences are right; the published scorer counts one more than the two that are annotated.
    assert f1 == annotated == pytest.approx(2 * 2 / (3 + 3))
    assert correct == pytest.approx(2 * 2 / (2 + 3))
    assert sentences == 1.5


def test_the_cut_of_each_half_is_the_best_of_the_other() -> None:
    sure = predicted("a")
    # Here only the first sentence is evidence, so that a cut above 0.5 is best.
    strict = sure.gold.with_relations((Relation(0, 1, "knows", evidence=(0,)),))
    unsure = Predicted(strict, sure.document, SHARES)
    assert evidence.best_cut([unsure], by_confidence=False) > 0.3 >= evidence.best_cut([sure], by_confidence=False)
    first, second = evidence.tuned([sure, unsure], by_confidence=False)
    assert (chosen(first)[0], chosen(second)[0]) == ((0,), (0, 1))


def test_the_table_is_printed(
    tmp_path: Path,
    build_document: Callable[..., Document],
    make_checkpoint: Callable[..., Checkpoint],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model, data = tmp_path / "model", tmp_path / "gold.json"
    save(make_checkpoint(heads=["evidence"]), model)
    sentences, relations = ["Ada wrote .", "to Lovelace ."], (Relation(0, 1, "P2", evidence=(0, 1)),)
    places = [[(0, 0, 1)], [(1, 1, 2)]]
    write([build_document(sentences, *places, title=title, relations=relations) for title in "abcd"], data)
    monkeypatch.setattr("sys.argv", ["evidence", "--data", str(data), "--model", str(model)])
    evidence.main()
    rules = [line.split(" | ")[:2] for line in capsys.readouterr().out.splitlines()]
    assert len(rules) == 2 + 2 * (len(evidence.CUTS) + 1)
    assert rules[-1] == ["| share times confidence", "by halves"]
