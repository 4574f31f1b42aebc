"""The baseline is scored as it is described."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import clustering

from atlop.documents import Document, Entity, Mention, Relation
from atlop.evaluation import Counts
from atlop.formats import write

WORDS = (("Barry", "Gibb", "and", "Robin", "Gibb", ":", "Gibb", "left", "Gibb"),)


def mention(start: int, end: int, kind: str = "PER") -> Mention:
    return Mention(0, start, end, kind, "not the words")


# Robin is called Gibb later, and Gibb is a place at the end.
ENTITIES = (Entity((mention(3, 5), mention(6, 7))), Entity((mention(0, 2),)), Entity((mention(8, 9, "LOC"),)))
GOLD = Document("A", WORDS, ENTITIES, (Relation(0, 2, "left"), Relation(1, 0, "brother")))


@pytest.mark.parametrize(
    ("rule", "clusters", "strict", "soft"),
    [
        # Gibb twice | Barry Gibb | Robin Gibb: one of three clusters is right, no fact has two right ones.
        ("equal strings", Counts(tp=1, fp=2, fn=2), Counts(fp=2, fn=2), Counts(tp=2)),
        # The person, the place, Barry Gibb, Robin Gibb: only Robin lacks a mention.
        ("and equal types", Counts(tp=2, fp=2, fn=1), Counts(fp=2, fn=2), Counts(tp=2)),
        # Gibb is taken for Barry, who comes first.
        ("and name parts, acronyms", Counts(tp=1, fp=2, fn=2), Counts(fp=2, fn=2), Counts(tp=2)),
    ],
)
def test_each_rule_by_hand(rule: str, clusters: Counts, strict: Counts, soft: Counts) -> None:
    found = clustering.score([GOLD], clustering.RULES[rule])
    assert (found.coreference, found.relation_strict, found.relation_soft) == (clusters, strict, soft)


def test_facts_that_become_one_are_one() -> None:
    """Two mentions of Gibb were two entities that went; as one entity, they go once."""
    entities = tuple(Entity((mention(start, start + 1),)) for start in (4, 6, 0))
    gold = Document("A", WORDS, entities, (Relation(0, 2, "left"), Relation(1, 2, "left")))
    # In the order of the text, Barry is the first entity.
    found = clustering.clustered(gold, clustering.RULES["and equal types"])
    assert found.relations == (Relation(1, 0, "left"),)


def test_the_table_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write([GOLD], tmp_path / "gold.json")
    monkeypatch.setattr("sys.argv", ["clustering", "--data", str(tmp_path / "gold.json")])
    clustering.main()
    assert capsys.readouterr().out.splitlines()[3] == "| and equal types | 50.0 | 66.7 | 57.1 | 0.0 | 100.0 |"
