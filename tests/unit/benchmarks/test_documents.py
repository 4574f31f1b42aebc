"""The documents that benchmarks put together are as large as they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.documents import crowded, documents, joined, long_text, repeated

from atlop.documents import Document, Relation
from atlop.errors import DataError


@pytest.fixture
def corpus(build_document: Callable[..., Document]) -> list[Document]:
    """Two documents with 2 and 1 entities and 5 and 4 words."""
    first = build_document(
        ["Ada wrote", "to Ada Lovelace"],
        [(0, 0, 1), (1, 1, 3)],
        [(0, 1, 2)],
        title="first",
        relations=(Relation(0, 1, "P1"),),
    )
    return [first, build_document(["She", "saw Paris burn"], [(1, 1, 2)], title="second")]


def marked(document: Document) -> list[list[str]]:
    """The words of every mention of every entity."""
    return [
        [" ".join(document.sentences[m.sentence][m.start : m.end]) for m in entity.mentions]
        for entity in document.entities
    ]


def test_joined_documents_keep_their_entities(corpus: list[Document]) -> None:
    both = joined(corpus, "both")
    assert both.title == "both"
    assert [" ".join(words) for words in both.sentences] == ["Ada wrote", "to Ada Lovelace", "She", "saw Paris burn"]
    assert marked(both) == [["Ada", "Ada Lovelace"], ["wrote"], ["Paris"]]


def test_only_the_entities_grow(corpus: list[Document]) -> None:
    found = crowded(corpus, [1, 3])
    assert [marked(found[count]) for count in (1, 3)] == [
        [["Ada", "Ada Lovelace"]],
        [["Ada", "Ada Lovelace"], ["wrote"], ["Paris"]],
    ]
    assert found[1].sentences == found[3].sentences
    assert [len(found[count].pairs) for count in (1, 3)] == [0, 6]
    assert crowded(corpus, [2])[2].sentences == corpus[0].sentences, "the text is longer than the entities need"


def test_too_few_entities(corpus: list[Document]) -> None:
    with pytest.raises(DataError, match=r"^got 3 entities in all documents, expected 4 or more$"):
        crowded(corpus, [2, 4])


def test_a_long_text_has_its_words_and_entities_spread_over_it(corpus: list[Document]) -> None:
    text = long_text(corpus, 8, entities=4)
    assert [" ".join(words) for words in text.sentences] == ["Ada wrote", "to Ada Lovelace", "She", "saw Paris"]
    # Of the words 0 to 7, those numbered 0, 2, 4 and 6.
    assert marked(text) == [["Ada"], ["to"], ["Lovelace"], ["saw"]]


def test_too_few_words(corpus: list[Document]) -> None:
    with pytest.raises(DataError, match=r"^got 9 words in all documents, expected 10 or more$"):
        long_text(corpus, 10, entities=1)


def test_repeated_documents_have_titles_of_their_own_and_no_relations(corpus: list[Document]) -> None:
    found = list(repeated(corpus, 5))
    assert [document.title for document in found] == ["first (0)", "second (1)", "first (2)", "second (3)", "first (4)"]
    assert not any(document.relations for document in found)
    assert [marked(document) for document in found[:2]] == [marked(document) for document in corpus]


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        documents(path=tmp_path / "dev.json")
    problem = "no such file, expected the Re-DocRED dev documents; pass their file with --data"
    assert str(caught.value) == f"{tmp_path / 'dev.json'}: {problem}"
