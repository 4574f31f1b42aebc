"""Entities by spaCy in the place of those of a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlop.documents import Document
from atlop.errors import AtlopError, DataError
from atlop.integrations.entities import load_pipeline, mark_entities

spacy = pytest.importorskip("spacy", reason="needs the extra spacy")


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """A stored pipeline that knows two names."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PERSON", "pattern": "Ada"}, {"label": "GPE", "pattern": "London"}])
    nlp.to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


def test_the_entities_are_those_of_the_pipeline(pipeline: Path) -> None:
    texts = ["Ada lived in London. Ada wrote.", "Nobody wrote."]
    documents = [Document.from_text(text, title=f"text {number}") for number, text in enumerate(texts)]
    first, second = mark_entities(documents, load_pipeline(str(pipeline)), types=("LOC", "PER"))
    assert [(entity.name, entity.type, len(entity.mentions)) for entity in first.entities] == [
        ("Ada", "PER", 2),
        ("London", "LOC", 1),
    ]
    assert (first.title, first.text, second.title, second.entities) == ("text 0", texts[0], "text 1", ())


def test_a_document_without_text_is_refused(pipeline: Path) -> None:
    with pytest.raises(DataError) as caught:
        list(mark_entities([Document("words", (("Ada",),))], load_pipeline(str(pipeline)), types=()))
    assert str(caught.value) == (
        "document 'words': text: got words without a raw text, expected a text, in which spaCy finds entities"
    )


def test_a_text_that_is_too_long_for_spacy_is_refused(pipeline: Path) -> None:
    nlp = load_pipeline(str(pipeline))
    nlp.max_length = 5
    with pytest.raises(DataError) as caught:
        list(mark_entities([Document.from_text("Ada wrote.", title="long")], nlp, types=()))
    assert str(caught.value) == (
        "document 'long': text: got 10 characters, expected at most 5, which spaCy reads at once; split the text"
    )


def test_a_pipeline_that_is_missing_is_told() -> None:
    with pytest.raises(AtlopError) as caught:
        load_pipeline("no_such_pipeline")
    assert str(caught.value).startswith("spaCy cannot load the pipeline 'no_such_pipeline': [E050]")
    assert str(caught.value).endswith("; install it with: python -m spacy download no_such_pipeline")
