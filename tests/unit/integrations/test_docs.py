from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab
from tests.unit.integrations.conftest import TEXT

from atlop.documents import Document, Relation
from atlop.errors import DataError
from atlop.integrations.docs import ONTONOTES, to_dict, to_document, types_for

DOCRED = ("LOC", "MISC", "NUM", "ORG", "PER", "TIME")


def document_of(doc: Doc, spans: str | None = None, **types: str) -> Document:
    return to_document(doc, spans=spans, clusters="coref_clusters", types=types)


def names(document: Document) -> list[list[str]]:
    return [[mention.name for mention in entity.mentions] for entity in document.entities]


def test_every_label_of_ontonotes_has_a_type_of_docred() -> None:
    labels = (
        "CARDINAL DATE EVENT FAC GPE LANGUAGE LAW LOC MONEY NORP ORDINAL ORG PERCENT PERSON PRODUCT QUANTITY TIME "
        "WORK_OF_ART"
    )
    types = types_for(DOCRED, {})
    assert {types.get(label, label) for label in labels.split()} == set(DOCRED)
    assert set(types) == set(ONTONOTES)


def test_labels_that_a_model_knows_keep_their_names() -> None:
    assert types_for(["PERSON", "LOC"], {}) == {"GPE": "LOC", "FAC": "LOC", "NORP": "LOC"}
    assert types_for([], {}) == {}
    assert types_for(["LOC"], {"GPE": "LOC", "NORP": "ORG", "GENE": "G"})["NORP"] == "ORG"


def test_entities_are_mentions_of_an_equal_string_and_type(nlp: Language) -> None:
    document = document_of(nlp(TEXT), PERSON="PER")
    assert names(document) == [["Ada Lovelace", "Ada Lovelace"], ["London", "London"], ["Babbage"]]
    assert [entity.type for entity in document.entities] == ["PER", "GPE", "PER"]
    assert document.text == TEXT
    assert document.title == "Ada Lovelace was born in London. She met Babbage. Ada Lovela"


def test_sentences_are_those_of_the_pipeline_or_else_found(nlp: Language) -> None:
    text = "Ada saw Mr. Babbage. She left"
    assert [len(words) for words in document_of(nlp(text)).sentences] == [6, 2]
    nlp.add_pipe("sentencizer", config={"punct_chars": ["Mr."]})
    assert [len(words) for words in document_of(nlp(text)).sentences] == [4, 4]


def test_a_text_without_a_language_is_split_as_english() -> None:
    doc = Doc(Vocab(), words=["Ada", "wrote", "."])
    assert document_of(doc).sentences == (("Ada", "wrote", "."),)


def test_a_span_may_begin_inside_a_word(nlp: Language) -> None:
    doc = nlp("a 10km run")
    assert [token.text for token in doc] == ["a", "10", "km", "run"]
    doc.set_ents([doc.char_span(2, 4, "CARDINAL")])
    assert document_of(doc).sentences == (("a", "10", "km", "run"),)


def test_span_groups_may_overlap(nlp: Language) -> None:
    doc = nlp("New York City Council")
    doc.spans["mine"] = [doc.char_span(0, 13, "LOC"), doc.char_span(0, 21, "ORG"), doc.char_span(0, 8, "LOC")]
    assert names(document_of(doc, "mine")) == [["New York"], ["New York City"], ["New York City Council"]]


@pytest.mark.parametrize(("keys", "found"), [([], "none"), (["a", "b"], "'a', 'b'")])
def test_a_missing_span_group_is_an_error(nlp: Language, keys: list[str], found: str) -> None:
    doc = nlp("Ada")
    for key in keys:
        doc.spans[key] = []
    with pytest.raises(DataError) as caught:
        document_of(doc, "mine")
    assert str(caught.value) == f"spans: got no span group 'mine', expected one; the groups here are {found}"


def test_spans_without_a_label_are_told(nlp: Language, caplog: pytest.LogCaptureFixture) -> None:
    doc = nlp("Ada")
    doc.spans["mine"] = [doc[0:1]]
    assert document_of(doc, "mine").entities == ()
    assert caplog.messages == ["document 'Ada': 1 mention without a label: left out, relations included"]


def test_blank_entities_and_blank_texts_are_no_error(nlp: Language) -> None:
    doc = nlp("Ada \n\n ")
    doc.spans["mine"] = [doc[0:1], doc[1:2]]
    doc.spans["mine"].extend([doc.char_span(0, 3, "PER"), doc.char_span(4, 7, "PER")])
    assert names(document_of(doc, "mine")) == [["Ada"]]
    assert document_of(nlp("")).title == "text"
    assert document_of(nlp(" ")).sentences == ()


@pytest.fixture
def coref_extension() -> Iterator[None]:
    """The extension attribute that fastcoref sets."""
    Doc.set_extension("coref_clusters", default=None)
    yield
    Doc.remove_extension("coref_clusters")


def test_span_groups_of_a_coreference_component_group_entities(nlp: Language) -> None:
    doc = nlp(TEXT)
    doc.spans["coref_clusters_1"] = [doc.char_span(0, 12), doc.char_span(33, 36), doc.char_span(41, 48)]
    doc.spans["coref_head_clusters_1"] = [doc.char_span(0, 12), doc.char_span(25, 31)]
    assert names(document_of(doc)) == [["Ada Lovelace", "Babbage", "Ada Lovelace"], ["London", "London"]]


@pytest.mark.usefixtures("coref_extension")
def test_clusters_of_fastcoref_group_entities(nlp: Language) -> None:
    doc = nlp(TEXT)
    assert names(document_of(doc)) == [["Ada Lovelace", "Ada Lovelace"], ["London", "London"], ["Babbage"]]
    doc._.coref_clusters = [[(0, 12), (33, 36)], [(25, 31), (41, 48)]]
    assert names(document_of(doc)) == [["Ada Lovelace", "Ada Lovelace"], ["London", "Babbage", "London"]]


def test_articles_and_possessives_do_not_keep_clusters_apart(nlp: Language) -> None:
    text = "The Senate left Rome. An assembly kept the city's walls."
    doc = nlp(text)

    def span(name: str, label: str = "") -> Span:
        found = doc.char_span(text.index(name), text.index(name) + len(name), label)
        assert found is not None
        return found

    mentions = {"Senate": "ORG", "Rome": "LOC", "An assembly": "ORG", "city": "LOC"}
    doc.spans["mine"] = [span(name, label) for name, label in mentions.items()]
    doc.spans["coref_clusters_1"] = [span("The Senate"), span("assembly")]
    doc.spans["coref_clusters_2"] = [span("Rome"), span("the city's")]
    assert names(document_of(doc, "mine")) == [["Senate", "An assembly"], ["Rome", "city"]]


def test_a_relation_is_plain_values(nlp: Language) -> None:
    document = document_of(nlp(TEXT), PERSON="PER")
    relation = Relation(0, 1, "P19", evidence=(0, 2), confidence=0.5, name="place of birth")
    stored = to_dict(document, relation, {(0, 12, "PER"): "PERSON", (0, 12, "ORG"): "BAND"})
    assert stored == {
        "head": {
            "text": "Ada Lovelace",
            "start_char": 0,
            "end_char": 12,
            "label": "PERSON",
            "mentions": [[0, 12], [50, 62]],
        },
        "tail": {"text": "London", "start_char": 25, "end_char": 31, "label": "GPE", "mentions": [[25, 31], [71, 77]]},
        "relation": "P19",
        "name": "place of birth",
        "confidence": 0.5,
        "evidence": [[0, 32], [50, 78]],
    }
    unknown: dict[str, Any] = to_dict(document, Relation(0, 1, "P19"), {})
    assert unknown["evidence"] is unknown["confidence"] is unknown["name"] is None
