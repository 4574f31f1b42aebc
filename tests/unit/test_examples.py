"""What comes in examples/ is what its pages say."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from atlop.checking import check
from atlop.folder import BUNDLED, load_labels
from atlop.formats import detect, read

ROOT = Path(__file__).resolve().parents[2]
GUIDE, PASSAGES = ROOT / "examples" / "guide", ROOT / "examples" / "passages"
README = (GUIDE / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "passages.md").read_text(encoding="utf-8")
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(PASSAGES.glob("*.txt"))}


@pytest.mark.parametrize(("name", "size"), [("train", 24), ("dev", 8)])
def test_the_lighthouses_are_annotated_in_the_form_of_doccano(
    name: str, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    documents = read(GUIDE / f"{name}.jsonl")
    assert detect(GUIDE / f"{name}.jsonl") == "doccano"
    assert caplog.messages == []
    assert len(documents) == size
    assert all(80 <= len((document.text or "").split()) <= 150 for document in documents)
    assert f"| `{name}.jsonl` | {size} documents, {sum(len(d.relations) for d in documents)} facts" in README


def test_nothing_in_the_lighthouses_is_odd() -> None:
    assert check(read(GUIDE / "train.jsonl"), dev=read(GUIDE / "dev.jsonl")).findings == ()


def test_the_lighthouses_have_names_of_their_own_in_each_file() -> None:
    train, dev = (
        {e.name for document in read(GUIDE / f"{name}.jsonl") for e in document.entities if e.types != {"TIME"}}
        for name in ("train", "dev")
    )
    assert not train & dev


def test_the_relations_of_the_lighthouses_are_counted_right() -> None:
    counts = [
        Counter(relation.relation for document in read(GUIDE / f"{name}.jsonl") for relation in document.relations)
        for name in ("train", "dev")
    ]
    rows = re.findall(r"^\| `([\w ]+)` \| `\w+` \| `\w+` \| (\d+) \| (\d+) \|$", README, re.MULTILINE)
    assert [{name: int(row[place]) for name, *row in rows} for place in (0, 1)] == counts


def test_there_are_ten_passages() -> None:
    assert len(TEXTS) == 10
    assert all(60 <= len(text.split()) <= 120 for text in TEXTS.values())


def test_the_page_shows_the_passages_in_the_order_of_their_files() -> None:
    sections = re.findall(r"^## (\w+)\n\n((?:> .*\n)+)", PAGE, re.MULTILINE)
    found = {name.lower(): quoted.replace("> ", "").split() for name, quoted in sections}
    assert list(found.items()) == [(name, text.split()) for name, text in TEXTS.items()]


def test_the_page_names_relations_of_the_bundled_model() -> None:
    labels = load_labels(BUNDLED)
    known = {labels.display_name(relation) for relation in labels.relations}
    rows = re.findall(r"^\| (?!Head)([^|]+) \| ([^|]+) \| ([^|]+) \| [\d.]* ?\|$", PAGE, re.MULTILINE)
    assert {relation for _, relation, _ in rows} <= known
    said, following = map(int, re.findall(r"passages\sstate (\d+) facts,\sand (\d+) follow", PAGE)[0])
    assert len(rows) == said + following
