from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from atlop.documents import Document, Entity, Mention
from atlop.formats import read, write

WORDS = (("Marie", "Curie", "left", "Warsaw"),)
EXACT = Entity((Mention(0, 3, 4, "LOC", "Warsaw"),))
CUT = Entity((Mention(0, 0, 1, "PER", "Marie"), Mention(0, 0, 1, "PER", "Marie Curie")))


def warnings_of(path: Path, caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.WARNING):
        read(path)
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(("form", "place"), [("jsonl", "entities[1].mentions[1]"), ("docred", "vertexSet[1][1]")])
@pytest.mark.parametrize(("count", "mentions"), [(1, "1 mention"), (3, "3 mentions")])
def test_inclusive_ends_are_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, form: str, place: str, count: int, mentions: str
) -> None:
    path = tmp_path / "file"
    write([Document(f"d{i}", WORDS, (EXACT, CUT)) for i in range(count)], path, form=form)
    assert warnings_of(path, caplog) == [
        f"{path}: the end of {mentions} seems to be inclusive, expected the index after the last word; "
        f"the first is document 'd0': {place}: the name is 'Marie Curie', the words are 'Marie'"
    ]


@pytest.mark.parametrize(
    "mention",
    [
        Mention(0, 0, 2, "PER", "MarieCurie"),
        Mention(0, 0, 2, "PER", "Marie  Curie"),
        Mention(0, 0, 1, "PER", "Madame Curie"),
        Mention(0, 3, 4, "LOC", "Warszawa"),
        Mention(0, 0, 1, "PER", ""),
    ],
)
def test_other_names_are_not_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture, mention: Mention) -> None:
    write([Document("d", WORDS, (Entity((mention,)),))], tmp_path / "file", form="jsonl")
    assert warnings_of(tmp_path / "file", caplog) == []


def test_a_blank_word_after_a_mention_is_not_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    line = {
        "title": "d",
        "sentences": [["Marie", "\u00a0"]],
        "entities": [{"mentions": [{"sentence": 0, "start": 0, "end": 1, "type": "PER", "name": "Marie "}]}],
    }
    (tmp_path / "file").write_text(json.dumps(line))
    assert warnings_of(tmp_path / "file", caplog) == []
