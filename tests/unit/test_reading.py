"""Documents without marked entities: what is found in them, and that one pass scores as two would."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from atlop import names, reading
from atlop.backends.pytorch import TorchBackend
from atlop.checkpoint import Checkpoint
from atlop.documents import Document, Entity
from atlop.errors import AtlopError, CheckpointError
from atlop.export import export_onnx
from atlop.extractor import RelationExtractor, load
from atlop.names import Spelling, likeness
from atlop.passages import split
from atlop.reading import EntityReader

pytestmark = pytest.mark.usefixtures("one_thread")

BuildDocument = Callable[..., Document]


@pytest.fixture
def make_extractor(make_reader: Callable[..., Checkpoint]) -> Callable[..., RelationExtractor]:
    """Make an extractor of a random model of two entity types that finds entities."""
    return lambda **settings: RelationExtractor(TorchBackend(make_reader(**settings)))


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
    make_extractor: Callable[..., RelationExtractor], documents: list[Document], settings: dict[str, str]
) -> None:
    extractor = make_extractor(**settings)
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


def test_a_long_document_is_read_in_passages(
    make_extractor: Callable[..., RelationExtractor],
    build_document: BuildDocument,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sentences = ["Ada Lovelace wrote to Ada .", "She met Ada in London .", "London wrote ."] * 12
    document = build_document(sentences, title="long")
    extractor = make_extractor()
    (whole,) = extractor.extract([document])
    monkeypatch.setattr(reading, "PASSAGE_SUBWORDS", 40)
    monkeypatch.setattr(reading, "PASSAGE_OVERLAP", 20)
    (found,) = extractor.extract([document])
    # Every mention is found once, in the passage that its sentence belongs to.
    mentions = [mention for entity in found.entities for mention in entity.mentions]
    assert len(mentions) == len(set(mentions)) > 20
    assert {mention.sentence for mention in mentions} > set(range(3, 33))
    # Mentions of one name are one entity, over all passages.
    names = [(mention.name.casefold(), mention.type) for mention in mentions]
    owners = {name: e for e, entity in enumerate(found.entities) for name in _names(entity)}
    assert len(set(names)) == len(owners)
    assert [e for e, entity in enumerate(found.entities) for name in _names(entity)] == [
        owners[name] for entity in found.entities for name in _names(entity)
    ]
    assert found.relations
    assert len({relation.fact for relation in found.relations}) == len(found.relations)
    assert whole.relations


def _names(entity: Entity) -> set[tuple[str, str]]:
    return {(mention.name.casefold(), mention.type) for mention in entity.mentions}


def test_two_entities_meet_only_in_a_passage(
    make_extractor: Callable[..., RelationExtractor], build_document: BuildDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = build_document(["Ada wrote ."] + ["She wrote ."] * 10 + ["London wrote ."], title="far")
    monkeypatch.setattr(reading, "PASSAGE_SUBWORDS", 12)
    monkeypatch.setattr(reading, "PASSAGE_OVERLAP", 0)
    extractor = make_extractor()
    (found,) = EntityReader(extractor.backend, extractor.featurizer).read([document])
    passages = split(extractor.featurizer.lengths(document), most=12, overlap=0)
    assert len(passages) > 2
    passage_of = {sentence: place for place, each in enumerate(passages) for sentence in range(each.start, each.stop)}
    met = [{passage_of[mention.sentence] for mention in entity.mentions} for entity in found.document.entities]
    pairs = {tuple(pair) for passage in found.passages for pair in passage.pairs.tolist()}
    numbers = range(len(met))
    assert pairs == {(head, tail) for head in numbers for tail in numbers if head != tail and met[head] & met[tail]}
    (related,) = extractor.extract([document])
    assert related.relations
    for relation in related.relations:
        assert {passage_of[sentence] for sentence in relation.evidence or ()} <= met[relation.head] & met[relation.tail]


def test_entities_that_are_marked_are_not_looked_at(
    make_extractor: Callable[..., RelationExtractor], documents: list[Document]
) -> None:
    extractor, marked = make_extractor(), documents[-1]
    assert list(extractor.extract([marked])) == list(extractor.extract([dataclasses.replace(marked, entities=())]))


def test_words_and_text_are_kept(make_extractor: Callable[..., RelationExtractor]) -> None:
    document = Document("d", (("Ada", "met", "London"),), text="Ada met  London", offsets=((0, 4, 9),))
    (found,) = make_extractor().extract([document])
    assert (found.sentences, found.text, found.offsets) == (document.sentences, document.text, document.offsets)
    for entity in found.entities:
        for mention in entity.mentions:
            start, end = found.span(mention)
            assert document.text is not None
            assert mention.name == document.text[start:end]


def test_one_text_is_read_as_among_others(make_extractor: Callable[..., RelationExtractor]) -> None:
    texts = ["Ada wrote to Kant. Mary read.", "Kant wrote."]
    extractor = make_extractor()
    first, second = extractor.extract(texts)
    one = extractor.extract(texts[0])
    assert (one.title, second.title, second.text) == ("text 1", "text 2", texts[1])
    assert first.entities == one.entities
    assert extractor.extract(Document.from_text(texts[0], title="letter")).title == "letter"


def test_the_confidence_is_checked(make_extractor: Callable[..., RelationExtractor]) -> None:
    with pytest.raises(AtlopError) as caught:
        make_extractor().extract([], min_confidence=2)
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
    advice = "use a model trained to find entities, or mark the entities and call predict"
    assert str(caught.value) == f"the model has {missing}; {advice}"


@pytest.mark.slow
def test_an_exported_model_is_refused(make_checkpoint: Callable[..., Checkpoint], tmp_path: Path) -> None:
    export_onnx(make_checkpoint(heads=["mentions", "entities"], markers="none"), tmp_path / "exported")
    with pytest.raises(CheckpointError) as caught:
        next(load(tmp_path / "exported").extract([]))
    assert str(caught.value) == ("an exported model cannot find entities; use the model that it was exported from")


def test_names_are_compared_once(
    make_extractor: Callable[..., RelationExtractor], build_document: BuildDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[Spelling, Spelling]] = []
    monkeypatch.setattr(names, "likeness", lambda a, b: compared.append((a, b)) or likeness(a, b))
    extractor = make_extractor()
    (found,) = EntityReader(extractor.backend, extractor.featurizer).read([build_document(["Ada met Mary ."])])
    assert len(compared) == len(set(compared)) == len(names.pairs_of(names.names_of(found.document))) > 0


@pytest.mark.parametrize(
    ("limit", "starts"), [(8, [0, 1, 2, 3, 4, 5]), (14, [0, 3]), (25, [0, 4]), (26, [0]), (None, [0])]
)
def test_no_passage_is_longer_than_the_model_reads(
    make_extractor: Callable[..., RelationExtractor],
    build_document: BuildDocument,
    limit: int | None,
    starts: list[int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    extractor = make_extractor(max_length=limit)
    (found,) = EntityReader(extractor.backend, extractor.featurizer).read([build_document(["a b c ."] * 6)])
    # Six sentences of four subwords, and two special ones around a passage.
    assert [each.start for each in found.passages] == starts
    assert not caplog.messages
