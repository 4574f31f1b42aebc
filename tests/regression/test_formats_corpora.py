"""The real corpora: every document loads, with the known number of facts, and survives writing and reading."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from atlop.documents import Document
from atlop.formats import attach, read, read_submission, write

CORPORA = {
    "redocred/train_subset.json": ("docred", 992, 28_146),
    "redocred/dev.json": ("docred", 500, 17_284),
    "docred/train_subset.json": ("docred", 424, 5_323),
    "docred/test_unlabelled.json": ("docred", 1_000, 0),
    "cdr/train_filter.data": ("data", 500, 1_038),
    "cdr/dev_filter.data": ("data", 500, 1_012),
    "cdr/pubtator/CDR_TrainingSet.PubTator.txt": ("pubtator", 500, 1_038),
    "cdr/pubtator/CDR_DevelopmentSet.PubTator.txt": ("pubtator", 500, 1_012),
    "gda/test.data": ("data", 1_000, 1_502),
    "biored/Train.PubTator": ("pubtator", 400, 4_178),
    "biored/Dev.PubTator": ("pubtator", 100, 1_162),
}
"""Form, documents and facts of each file, as the README of the data counts them."""


@pytest.mark.parametrize("name", CORPORA)
def test_every_document_loads_and_survives(shared: Path, tmp_path: Path, name: str) -> None:
    form, count, facts = CORPORA[name]
    started = time.perf_counter()
    documents = read(shared / "data" / name)
    seconds = time.perf_counter() - started
    assert (len(documents), sum(len(document.relations) for document in documents)) == (count, facts)
    assert seconds < 10
    for kept in (form, "jsonl"):
        write(documents, tmp_path / "file", form=kept)
        assert read(tmp_path / "file") == documents


@pytest.mark.parametrize("name", [name for name, (form, *_) in CORPORA.items() if form != "docred"])
def test_the_other_forms_keep_what_docred_can_hold(shared: Path, tmp_path: Path, name: str) -> None:
    documents = read(shared / "data" / name)
    write(documents, tmp_path / "file", form="docred")
    assert read(tmp_path / "file") == [without_extras(document) for document in documents]


def without_extras(document: Document) -> Document:
    entities = tuple(replace(entity, identifier=None) for entity in document.entities)
    return replace(document, entities=entities, candidates=None, text=None, offsets=None)


@pytest.mark.parametrize("name", [name for name, (_, _, facts) in CORPORA.items() if facts])
def test_the_leaderboard_format_keeps_all_facts(shared: Path, tmp_path: Path, name: str) -> None:
    documents = read(shared / "data" / name)
    write(documents, tmp_path / "result.zip")
    bare = [document.with_relations(()) for document in documents]
    assert attach(read_submission(tmp_path / "result.zip"), bare) == documents


def test_every_linked_pubtator_mention_is_found_again_in_the_text(shared: Path) -> None:
    for name, (form, *_) in CORPORA.items():
        for document in read(shared / "data" / name) if form == "pubtator" else ():
            for entity in document.entities:
                for mention in entity.mentions:
                    start, end = document.span(mention)
                    assert document.text is not None
                    assert document.text[start:end] == mention.name


def test_biored_mentions_are_linked_as_the_data_says(shared: Path) -> None:
    documents = [*read(shared / "data/biored/Train.PubTator"), *read(shared / "data/biored/Dev.PubTator")]
    entities = [(document, entity) for document in documents for entity in document.entities]
    entities_at = Counter((document.title, document.span(m)) for document, entity in entities for m in entity.mentions)
    assert len(entities_at) == 16_884
    assert sum(count > 1 for count in entities_at.values()) == 444
    assert sum(entity.identifier is None for _, entity in entities) == 51


def test_the_two_forms_of_cdr_agree_on_titles_and_on_the_number_of_facts(shared: Path) -> None:
    lines = {document.title: document for document in read(shared / "data/cdr/dev_filter.data")}
    for document in read(shared / "data/cdr/pubtator/CDR_DevelopmentSet.PubTator.txt"):
        assert named_pairs(document) == named_pairs(lines[document.title])


def named_pairs(document: Document) -> set[frozenset[str | None]]:
    """The pairs of identifiers that stand in a relation; the ``.data`` form has the first in the text as the head."""
    identifiers = [entity.identifier for entity in document.entities]
    return {frozenset((identifiers[relation.head], identifiers[relation.tail])) for relation in document.relations}


def test_the_candidates_are_the_pairs_of_the_reference(shared: Path) -> None:
    expected = load_file(shared / "golden/cdr/expected.safetensors")
    documents = read(shared / "golden/cdr/documents.data")
    assert len(documents) == 40
    for i, document in enumerate(documents):
        positive = {(relation.head, relation.tail) for relation in document.relations}
        positive_first = sorted(document.pairs, key=lambda pair: pair not in positive)
        assert [list(pair) for pair in positive_first] == expected[f"{i}.pairs"].tolist()
