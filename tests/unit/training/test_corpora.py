from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atlop.config import TrainingConfig
from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import AtlopError, DataError, LabelError
from atlop.formats import write
from atlop.labels import LabelMap
from atlop.training.corpora import Corpora, make_labels, read_corpora, with_typed_candidates
from atlop.type_constraints import TypeConstraints

Configure = Callable[..., TrainingConfig]

PEOPLE = TypeConstraints({"PER": frozenset({"PER"})})
"""What the relations of a corpus of people connect."""


def typed(*entities: tuple[str, str | None], **others: Any) -> Document:
    """A document of one sentence with an entity, given by type and identifier, at every word."""
    words = tuple(f"word{place}" for place in range(len(entities)))
    clusters = tuple(
        Entity((Mention(0, place, place + 1, kind, words[place]),), identifier)
        for place, (kind, identifier) in enumerate(entities)
    )
    return Document("typed", (words,), clusters, **others)


def test_documents_are_read(configure: Configure, corpus: list[Document], tmp_path: Path) -> None:
    write(corpus[:2], tmp_path / "dev.json")
    assert read_corpora(configure()) == Corpora(corpus, [], [])
    assert read_corpora(configure(dev=tmp_path / "dev.json")) == Corpora(corpus, corpus[:2], [])


def test_pubtator_documents_are_given_the_candidates_that_training_documents_list(
    configure: Configure, tmp_path: Path
) -> None:
    train = typed(("Chemical", "D1"), ("Disease", "D2"), candidates=((0, 1),))
    write([train], tmp_path / "train.jsonl")
    write([typed(("Disease", "D3"), ("Chemical", "D4"), ("Disease", None))], tmp_path / "dev.pubtator")
    (dev,) = read_corpora(configure(dev_pubtator=tmp_path / "dev.pubtator")).dev_pubtator
    assert dev.candidates == ((1, 0),)


def test_candidates_are_all_pairs_of_identified_entities_of_certain_types() -> None:
    document = typed(("Chemical", "D1"), ("Disease", "D2"), ("Disease", None), ("Disease", "D3"), ("Chemical", None))
    with_candidates = with_typed_candidates(document, frozenset({("Chemical", "Disease")}))
    assert with_candidates == dataclasses.replace(document, candidates=((0, 1), (0, 3)))
    assert with_typed_candidates(document, frozenset()).candidates == ()


@pytest.mark.parametrize(
    "documents", [[], [typed()], [typed(("PER", None))], [typed(("A", "1"), ("B", "2"), candidates=())]]
)
def test_nothing_to_train_on_is_told(configure: Configure, corpus_file: Path, documents: list[Document]) -> None:
    write([*documents, typed()], corpus_file)
    with pytest.raises(AtlopError) as caught:
        read_corpora(configure())
    expected = "no document has a pair of entities, expected something to train on"
    assert str(caught.value) == f"{corpus_file}: {expected}"


def test_a_missing_file_is_told(configure: Configure, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_corpora(configure(dev=tmp_path / "none.json"))
    assert str(caught.value) == f"{tmp_path}/none.json: cannot be read: No such file or directory"


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[str, Any], Path]:
    """Write a JSON file."""

    def run(name: str, value: Any) -> Path:
        (tmp_path / name).write_text(json.dumps(value))
        return tmp_path / name

    return run


def test_labels_are_the_relations_of_the_training_documents(
    configure: Configure, corpus: list[Document], stored: Callable[[str, Any], Path]
) -> None:
    assert make_labels(configure(), corpus) == LabelMap(("P1", "P2"), type_constraints=PEOPLE)
    names = stored("names.json", {"P2": "second", "P9": "ninth"})
    labels = make_labels(configure(label_names=names), corpus)
    assert labels == LabelMap(("P1", "P2"), {"P2": "second"}, type_constraints=PEOPLE)


def test_labels_are_the_given_columns(
    configure: Configure, corpus: list[Document], stored: Callable[[str, Any], Path]
) -> None:
    columns, names = stored("rel2id.json", {"Na": 0, "P3": 1, "P2": 2, "P1": 3}), stored("names.json", {"P3": "third"})
    labels = make_labels(configure(labels=columns, label_names=names), corpus)
    assert labels == LabelMap(("P3", "P2", "P1"), {"P3": "third"}, "Na", PEOPLE)


def label_failure(config: TrainingConfig, documents: list[Document]) -> str:
    with pytest.raises(LabelError) as caught:
        make_labels(config, documents)
    return str(caught.value)


def test_a_relation_that_the_columns_lack_is_told_with_file_and_document(
    configure: Configure, corpus: list[Document], corpus_file: Path, stored: Callable[[str, Any], Path]
) -> None:
    config = configure(labels=stored("rel2id.json", {"Na": 0, "P1": 1, "P3": 2}))
    message = "unknown relation 'P2': the label map has 2 relations"
    assert label_failure(config, corpus) == f"{corpus_file}: document 'three': {message}"


WRONG = {
    "columns with a gap": (
        "labels",
        '{"Na": 0, "P1": 2}',
        "label map: got the columns [0, 2] (list), expected 0 to 1, each once",
    ),
    "columns that are a list": (
        "labels",
        '["Na"]',
        "label map: got ['Na'] (list), expected a mapping of relation names to columns",
    ),
    "truncated columns": (
        "labels",
        '{"Na": 0',
        "not readable as JSON: Expecting ',' delimiter: line 1 column 9 (char 8)",
    ),
    "names that are a list": (
        "label_names",
        '["P1"]',
        "got ['P1'] (list), expected an object with a name for people for each relation",
    ),
    "a name that is a number": (
        "label_names",
        '{"P1": 1}',
        "got {'P1': 1} (dict), expected an object with a name for people for each relation",
    ),
}


@pytest.mark.parametrize(("setting", "content", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_of_labels_is_told(
    configure: Configure, corpus: list[Document], tmp_path: Path, setting: str, content: str, message: str
) -> None:
    path = tmp_path / "labels.json"
    path.write_text(content)
    assert label_failure(configure(**{setting: path}), corpus) == f"{path}: {message}"


@pytest.mark.parametrize("setting", ["labels", "label_names"])
def test_a_missing_file_of_labels_is_told(
    configure: Configure, corpus: list[Document], tmp_path: Path, setting: str
) -> None:
    message = label_failure(configure(**{setting: tmp_path / "none.json"}), corpus)
    assert message == f"{tmp_path}/none.json: not readable as JSON: No such file or directory"


def test_self_pairs_of_the_labels_need_no_column_of_their_own(configure: Configure, corpus: list[Document]) -> None:
    reflexive = corpus[0].with_relations((Relation(0, 0, "P7"),))
    assert make_labels(configure(), [reflexive]) == LabelMap(("P7",), type_constraints=PEOPLE)
