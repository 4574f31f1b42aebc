"""Documents without marked entities: what is found in them, and that one pass scores as two would."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from atlop.backends.pytorch import TorchBackend
from atlop.checkpoint import Checkpoint, build_model
from atlop.documents import Document, Relation
from atlop.errors import AtlopError, CheckpointError
from atlop.export import export_onnx
from atlop.extractor import RelationExtractor, load
from atlop.type_constraints import TypeConstraints

pytestmark = pytest.mark.usefixtures("one_thread")

BuildDocument = Callable[..., Document]


@pytest.fixture
def make_reader(
    make_checkpoint: Callable[..., Checkpoint], build_document: BuildDocument
) -> Callable[..., RelationExtractor]:
    """Make an extractor of a random model of two entity types that finds entities."""

    def make(**settings: object) -> RelationExtractor:
        base = make_checkpoint(**{"heads": ["mentions", "entities", "evidence"], "markers": "none", **settings})
        document = build_document(["Ada met London"], [(0, 0, 1, "PER")], [(0, 2, 3, "LOC")])
        types = TypeConstraints.of([document.with_relations((Relation(0, 1, "P1"),))])
        labels = dataclasses.replace(base.labels, type_constraints=types)
        with torch.random.fork_rng():
            torch.manual_seed(3)
            model = build_model(base.model.encoder.transformer, base.config, labels)
        return RelationExtractor(TorchBackend(dataclasses.replace(base, model=model.eval(), labels=labels)))

    return make


@pytest.fixture
def documents(build_document: BuildDocument) -> list[Document]:
    """Documents of one and of several windows, one of them without words."""
    return [
        build_document(["Ada Lovelace wrote to Ada ."], title="short"),
        build_document(["She met Ada in London ."] * 20, title="long"),
        build_document([], title="empty"),
        build_document(["London wrote to Lovelace .", "Ada ."], [(0, 0, 1)], title="marked"),
    ]


@pytest.mark.parametrize("settings", [{}, {"mention_subwords": "all"}, {"interaction": "reverse"}])
def test_what_is_found_scores_as_if_it_had_been_marked(
    make_reader: Callable[..., RelationExtractor], documents: list[Document], settings: dict[str, str]
) -> None:
    extractor = make_reader(**settings)
    found = list(extractor.extract(documents))
    again = list(extractor.predict([document.with_relations(()) for document in found]))
    assert [document.title for document in found] == ["short", "long", "empty", "marked"]
    for one, two in zip(found, again, strict=True):
        assert [relation.fact for relation in one.relations] == [relation.fact for relation in two.relations]
        np.testing.assert_allclose(
            [relation.confidence for relation in one.relations],
            [relation.confidence for relation in two.relations],
            atol=1e-5,
        )
        assert [relation.evidence for relation in one.relations] == [relation.evidence for relation in two.relations]
    # The random model finds something, in each document that is not empty.
    assert [bool(document.relations) for document in found] == [True, True, False, True]
    assert len(found[1].entities) > 2


def test_entities_that_are_marked_are_not_looked_at(
    make_reader: Callable[..., RelationExtractor], documents: list[Document]
) -> None:
    extractor, marked = make_reader(), documents[-1]
    assert list(extractor.extract([marked])) == list(extractor.extract([dataclasses.replace(marked, entities=())]))


def test_words_and_text_are_kept(make_reader: Callable[..., RelationExtractor]) -> None:
    document = Document("d", (("Ada", "met", "London"),), text="Ada met  London", offsets=((0, 4, 9),))
    (found,) = make_reader().extract([document])
    assert (found.sentences, found.text, found.offsets) == (document.sentences, document.text, document.offsets)
    for entity in found.entities:
        for mention in entity.mentions:
            start, end = found.span(mention)
            assert document.text is not None
            assert mention.name == document.text[start:end]


def test_the_confidence_is_checked(make_reader: Callable[..., RelationExtractor]) -> None:
    with pytest.raises(AtlopError) as caught:
        make_reader().extract([], min_confidence=2)
    assert str(caught.value) == "min_confidence: got 2 (int), expected a number from 0 to 1"


@pytest.mark.parametrize(
    ("heads", "missing"),
    [(["evidence"], "no head 'mentions' and no head 'entities'"), (["mentions"], "no head 'entities'")],
)
def test_a_model_that_finds_no_entities_is_refused(
    make_checkpoint: Callable[..., Checkpoint], heads: list[str], missing: str
) -> None:
    extractor = RelationExtractor(TorchBackend(make_checkpoint(heads=heads, markers="none")))
    with pytest.raises(CheckpointError) as caught:
        next(extractor.extract([]))
    expected = "expected one trained to find entities; mark the entities yourself"
    assert str(caught.value) == f"the model has {missing}, {expected}"


@pytest.mark.slow
def test_an_exported_model_is_refused(make_checkpoint: Callable[..., Checkpoint], tmp_path: Path) -> None:
    export_onnx(make_checkpoint(heads=["mentions", "entities"], markers="none"), tmp_path / "exported")
    with pytest.raises(CheckpointError) as caught:
        next(load(tmp_path / "exported").extract([]))
    assert str(caught.value) == ("an exported model finds no entities, expected the model that it was exported from")
