from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.text.test_sentences import TEXTS

from atlop.documents import Document, Relation
from atlop.errors import DataError
from atlop.formats import read
from atlop.formats.lifting import Lifting, MarkedText, lift

DATA = Path(__file__).parent / "data"
TEXT = "Ada met Ada. She wrote. ada slept. Rome fell."
ADA, OTHER, SHE, LOWER, ROME = (0, 3), (8, 11), (13, 16), (24, 27), (35, 39)


def marked(*places: tuple[int, int], kind: str = "PER") -> MarkedText:
    """A text with mentions 0, 1, ..., all of one type."""
    made = MarkedText("Ada", TEXT)
    for key, (start, end) in enumerate(places):
        made.mark(key, start, end, kind)
    return made


def spans(document: Document) -> list[list[tuple[int, int]]]:
    return [[document.span(mention) for mention in entity.mentions] for entity in document.entities]


@pytest.mark.parametrize("name", ["labelstudio.json", "doccano.jsonl", "brat"])
def test_the_same_annotation_is_the_same_document_in_every_tool(name: str, caplog: pytest.LogCaptureFixture) -> None:
    documents = {document.title: document for document in read(DATA / name)}
    ada, turing = documents["Ada"], documents["32"]
    assert [[mention.name for mention in entity.mentions] for entity in ada.entities] == [
        ["Ada Lovelace", "She", "Lovelace"],
        ["London", "London"],
        ["Charles Babbage"],
        ["Analytical Engine"],
    ]
    names = [relation.relation.replace("_", " ") for relation in ada.relations]
    assert [(relation.head, relation.tail) for relation in ada.relations] == [(0, 1), (0, 1), (0, 2)]
    assert names == ["born in", "died in", "wrote to"]
    assert len(ada.sentences) == 3
    assert [entity.name for entity in turing.entities] == ["Alan Turing", "London"]
    assert turing.relations == ()
    assert caplog.messages == []


def test_mentions_of_an_equal_string_and_type_are_one_entity() -> None:
    assert spans(lift(marked(ADA, OTHER, SHE, LOWER, ROME), Lifting())) == [[ADA, OTHER, LOWER], [SHE], [ROME]]
    two_types = marked(ADA)
    two_types.mark("city", *OTHER, "LOC")
    assert spans(lift(two_types, Lifting())) == [[ADA], [OTHER]]


def test_joined_mentions_are_one_entity_through_others() -> None:
    joined = marked(ADA, SHE, ROME)
    joined.relate(1, 0, "SAME_AS", lifting=Lifting())
    joined.join(2, 1)
    assert spans(lift(joined, Lifting())) == [[ADA, SHE, ROME]]


def test_a_mention_that_nobody_joined_follows_its_string_into_the_only_joined_entity() -> None:
    joined = marked(ADA, SHE, LOWER)
    joined.join(0, 1)
    assert spans(lift(joined, Lifting())) == [[ADA, SHE, LOWER]]


def test_joined_entities_are_not_merged_by_their_strings() -> None:
    two = marked(ADA, SHE, OTHER, ROME, LOWER)
    two.join(0, 1)
    two.join(2, 3)
    assert spans(lift(two, Lifting())) == [[ADA, SHE], [OTHER, ROME], [LOWER]]


def test_the_names_that_join_can_be_chosen() -> None:
    lifting = Lifting(same_as={"Is"})
    related = marked(ADA, SHE)
    related.relate(0, 1, "is", lifting=lifting)
    related.relate(0, 1, "same as", lifting=lifting)
    document = lift(related, lifting)
    assert spans(document) == [[ADA, SHE]]
    assert [relation.fact for relation in document.relations] == [(0, 0, "same as")]


def test_a_single_name_is_not_a_list_of_names() -> None:
    with pytest.raises(DataError) as caught:
        Lifting(same_as="same as")
    assert str(caught.value) == "same_as: got 'same as' (str), expected a list of names"


def test_relations_of_mentions_become_relations_of_entities_once() -> None:
    related = marked(ADA, LOWER, ROME)
    for head, tail in ((0, 2), (1, 2), (2, 1)):
        related.relate(head, tail, "saw", lifting=Lifting())
    assert [relation.fact for relation in lift(related, Lifting()).relations] == [(0, 1, "saw"), (1, 0, "saw")]


def test_the_sentences_of_related_mentions_are_the_evidence() -> None:
    """A fact that is stated twice rests on the sentences of both statements."""
    related = MarkedText("Ada", TEXT, sentences=(0, 13, 24, 35))
    for key, (start, end) in enumerate((ADA, SHE, LOWER, ROME)):
        related.mark(key, start, end, "PER")
    related.join(0, 1)
    for head, tail, name in ((3, 3, "is"), (2, 3, "saw"), (1, 3, "saw"), (3, 0, "saw")):
        related.relate(head, tail, name, lifting=Lifting())
    assert lift(related, Lifting()).relations == (
        Relation(1, 1, "is", evidence=(3,)),
        Relation(0, 1, "saw", evidence=(1, 2, 3)),
        Relation(1, 0, "saw", evidence=(0, 3)),
    )


def test_a_mention_splits_words_and_loses_the_white_space_at_its_ends() -> None:
    made = MarkedText("t", "the antiHIV1 drug")
    made.mark("a", 3, 9, "DRUG")
    document = lift(made, Lifting())
    assert document.sentences == (("the", "antiH", "IV1", "drug"),)
    assert spans(document) == [[(4, 9)]]


def test_what_was_left_open_is_told(caplog: pytest.LogCaptureFixture) -> None:
    odd = marked(ADA, ADA, ROME)
    odd.mark("none", *SHE, "")
    odd.mark("none, too", *OTHER, "")
    odd.relate("none", 0, "saw", lifting=Lifting())
    odd.relate(0, 2, "", lifting=Lifting())
    odd.relate(0, 1, "knows", lifting=Lifting())
    with caplog.at_level(logging.WARNING):
        document = lift(odd, Lifting())
    assert [relation.fact for relation in document.relations] == [(0, 0, "knows")]
    assert spans(document) == [[ADA], [ROME]]
    assert caplog.messages == [
        "document 'Ada': 2 mentions without a label: left out, relations included; "
        "1 relation without a label: left out; 1 relation between two mentions of one entity: kept"
    ]


@pytest.mark.parametrize(
    ("key", "start", "end", "message"),
    [
        ("b", 40, 60, "got the mention 40 to 60 of a text of 45 characters, expected one inside it that is not blank"),
        ("b", 3, 4, "got the mention 3 to 4 of a text of 45 characters, expected one inside it that is not blank"),
        ("b", 7, 4, "got the mention 7 to 4 of a text of 45 characters, expected one inside it that is not blank"),
        (0, 4, 7, "got the mention 0 (int) again, expected each once"),
        ([], 4, 7, "got the mention [] (list), expected a string or an integer to identify it"),
    ],
)
def test_a_mention_that_is_none_is_refused(key: object, start: int, end: int, message: str) -> None:
    with pytest.raises(DataError) as caught:
        marked(ADA).mark(key, start, end, "PER")  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_a_relation_of_an_unmarked_mention_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        marked(ADA).relate(0, 7, "saw", lifting=Lifting())
    assert str(caught.value) == "got the mention 7 (int), expected one that is marked"


def test_a_text_with_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        lift(MarkedText("t", "Ada \ud83d"), Lifting())
    expected = "expected characters that UTF-8 can encode"
    assert str(caught.value) == f"text: got the lone surrogate '\\ud83d' at 4, {expected}"


@given(TEXTS, st.data())
def test_every_mention_is_kept_where_it_is(text: str, data: st.DataObject) -> None:
    bounds = st.integers(0, len(text))
    made, places = MarkedText("t", text), []
    for key in range(data.draw(st.integers(0, 5))):
        start, end = sorted(data.draw(st.tuples(bounds, bounds)))
        name = text[start:end]
        if name.strip():
            made.mark(key, start, end, "MISC")
            places.append((start + len(name) - len(name.lstrip()), end - len(name) + len(name.rstrip())))
    joins = st.lists(st.tuples(*[st.sampled_from(sorted(made.mentions, key=repr))] * 2)) if places else st.just([])
    for one, other in data.draw(joins):
        made.join(one, other)
    document = lift(made, Lifting())
    assert {span for entity in spans(document) for span in entity} == set(places)
    assert all(m.name == text[slice(*document.span(m))] for entity in document.entities for m in entity.mentions)
