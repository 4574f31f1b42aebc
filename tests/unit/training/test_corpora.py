from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atlop.config import TrainingConfig
from atlop.documents import Document, Relation
from atlop.errors import AtlopError, DataError, LabelError, ScoringError
from atlop.formats import write
from atlop.labels import LabelMap
from atlop.training.corpora import Corpora, check_dev, make_labels, read_corpora
from atlop.type_constraints import TypeConstraints

Configure = Callable[..., TrainingConfig]

PEOPLE = TypeConstraints({"PER": frozenset({"PER"})})
"""What the relations of a corpus of people connect."""


def test_documents_are_read(configure: Configure, corpus: list[Document], tmp_path: Path) -> None:
    write(corpus[:2], tmp_path / "dev.json")
    assert read_corpora(configure()) == Corpora(corpus, [], [], [])
    assert read_corpora(configure(dev=tmp_path / "dev.json")) == Corpora(corpus, corpus[:2], [], [])


def test_unlabelled_documents_come_without_relations_unless_there_are_teachers(
    configure: Configure, corpus: list[Document], build_document: Callable[..., Document], tmp_path: Path
) -> None:
    dev = build_document(["Kant taught ."], [(0, 0, 1)], title="dev")
    places = [[(0, 0, 1)], [(0, 2, 3)]]
    facts = Relation(0, 1, "P9"), Relation(1, 0, "P9", confidence=0.9)
    new = build_document(["Ada met Mary ."], *places, title="new", relations=facts)
    write([dev], tmp_path / "dev.json")
    write([corpus[2], new, dev], tmp_path / "first.jsonl")
    write([dataclasses.replace(new, title="again")], tmp_path / "second.jsonl")
    files = [tmp_path / "first.jsonl", tmp_path / "second.jsonl"]
    corpora = read_corpora(configure(dev=tmp_path / "dev.json", train_unlabelled=files))
    assert corpora.unlabelled == [dataclasses.replace(new, relations=(), candidates=())]
    assert corpora.train == corpus
    taught = configure(dev=tmp_path / "dev.json", train_unlabelled=files, teachers=[tmp_path / "model"])
    # What a model has predicted is no annotation.
    assert read_corpora(taught).unlabelled == [new.with_relations(facts[:1])]


@pytest.mark.parametrize(
    ("entities", "others"),
    [([], {}), ([[(0, 0, 1)]], {}), ([[(0, 0, 1)], [(0, 1, 2)]], {"candidates": ()})],
)
def test_nothing_to_train_on_is_told(
    configure: Configure,
    build_document: Callable[..., Document],
    corpus_file: Path,
    entities: list[Any],
    others: dict[str, Any],
) -> None:
    write([build_document(["Ada wrote"], *entities, **others)], corpus_file)
    with pytest.raises(AtlopError) as caught:
        read_corpora(configure())
    expected = "no document has a pair of entities, expected at least one to train on"
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
        "got ['P1'] (list), expected an object with a display name for each relation",
    ),
    "a name that is a number": (
        "label_names",
        '{"P1": 1}',
        "got {'P1': 1} (dict), expected an object with a display name for each relation",
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


def test_a_relation_that_only_an_unlabelled_document_has_is_told(configure: Configure, corpus: list[Document]) -> None:
    more = [corpus[0].with_relations((Relation(0, 1, "P1"),)), corpus[0].with_relations((Relation(1, 0, "P9"),))]
    with pytest.raises(LabelError) as caught:
        make_labels(configure(), corpus, more)
    expected = "unknown relation 'P9': the label map has 2 relations"
    assert str(caught.value) == f"train_unlabelled: document 'two': {expected}"


def test_self_pairs_of_the_labels_need_no_column_of_their_own(configure: Configure, corpus: list[Document]) -> None:
    reflexive = corpus[0].with_relations((Relation(0, 0, "P7"),))
    assert make_labels(configure(), [reflexive]) == LabelMap(("P7",), type_constraints=PEOPLE)


ADA = "Document"
"""The title of every document that ``dev_failure`` makes."""


@pytest.fixture
def dev_failure(
    configure: Configure, corpus: list[Document], build_document: Callable[..., Document], tmp_path: Path
) -> Callable[..., str]:
    """The message with which a dev file of documents, each given by its relations, is refused."""

    def run(setting: str, *documents: tuple[Relation, ...], **others: Any) -> str:
        dev = [build_document(["Ada wrote"], [(0, 0, 1)], [(0, 1, 2)], relations=r, **others) for r in documents]
        write(corpus, tmp_path / "good.jsonl")
        write(dev, tmp_path / "bad.jsonl")
        config = configure(**{"dev": tmp_path / "good.jsonl", setting: tmp_path / "bad.jsonl"})
        with pytest.raises(ScoringError) as caught:
            check_dev(config, read_corpora(config), LabelMap(("P1", "P2")))
        return str(caught.value).replace(f"{tmp_path}/", "")

    return run


P1, P9 = (Relation(0, 1, "P1"),), (Relation(0, 1, "P9"),)
LAST = "without dev documents the last epoch is kept"
LEARNED = "expected relations that the model learns, such as P1, P2"


def test_two_dev_documents_of_one_title_are_told_with_file_and_title(dev_failure: Callable[..., str]) -> None:
    expected = "expected each once, as gold and predictions are joined by title"
    assert dev_failure("dev", P1, P1) == f"bad.jsonl: gold: got several documents with one title, '{ADA}'; {expected}"


@pytest.mark.parametrize(("relations", "found"), [((), "no relation"), (P9, "P9")])
def test_dev_documents_with_nothing_to_score_are_told(
    dev_failure: Callable[..., str], relations: tuple[Relation, ...], found: str
) -> None:
    assert dev_failure("dev", relations) == f"bad.jsonl: nothing to score: got {found}, {LEARNED}; {LAST}"


def test_dev_relations_that_are_no_candidates_are_nothing_to_score(dev_failure: Callable[..., str]) -> None:
    told = dev_failure("dev", P1, candidates=((1, 0),))
    assert told == f"bad.jsonl: nothing to score: got P1, {LEARNED}; {LAST}"


def test_dev_pubtator_is_checked_as_it_is_scored(dev_failure: Callable[..., str]) -> None:
    place = f"bad.jsonl: gold: document '{ADA}': relations[0]: got entity 0 without an identifier"
    assert dev_failure("dev_pubtator", P1) == f"{place}, expected one for every related entity; use evaluate() instead"
    assert dev_failure("dev_pubtator", ()) == f"bad.jsonl: nothing to score: got no relation, {LEARNED}; {LAST}"
