from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.text.test_sentences import TEXTS

from atlop.documents import Document, Entity, Mention
from atlop.errors import DataError
from atlop.text import word_spans

TEXT = "Ada Lovelace met Mr. Babbage.\n\n  She liked his engine."


def test_entities_are_placed_on_words_of_sentences() -> None:
    document = Document.from_text(TEXT, [[(33, 36, "PER"), (0, 12, "PER")], [(17, 28, "PER")]], title="Ada")
    assert document == Document(
        "Ada",
        (("Ada", "Lovelace", "met", "Mr", ".", "Babbage", "."), ("She", "liked", "his", "engine", ".")),
        (
            Entity((Mention(1, 0, 1, "PER", "She"), Mention(0, 0, 2, "PER", "Ada Lovelace"))),
            Entity((Mention(0, 3, 6, "PER", "Mr. Babbage"),)),
        ),
        text=TEXT,
        offsets=((0, 4, 13, 17, 19, 21, 28), (33, 37, 43, 47, 53)),
    )


def test_a_document_may_have_no_entity_and_no_text() -> None:
    assert Document.from_text("Ada wrote.").entities == ()
    assert Document.from_text("") == Document("text", (), text="", offsets=())


def test_mentions_may_overlap_and_repeat() -> None:
    document = Document.from_text("New York City", [[(0, 8, "LOC"), (0, 8, "LOC")], [(0, 13, "LOC")]])
    assert [[m.name for m in entity.mentions] for entity in document.entities] == [["New York"] * 2, ["New York City"]]


def test_a_document_of_text_is_stored_whole() -> None:
    document = Document.from_text(TEXT, [[(0, 12, "PER")]])
    assert Document.from_dict(document.to_dict()) == document


def test_sentences_follow_the_language() -> None:
    assert len(Document.from_text("你好。再见。").sentences) == 1
    assert len(Document.from_text("你好。再见。", sentences="zh").sentences) == 2


NEAREST_ADA = "expected whole words; the nearest are 'Ada Lovelace', 0 to 12"
MISALIGNED: dict[str, tuple[Any, str]] = {
    "outside": (
        (47, 60, "PER"),
        "got 47 to 60, where the text reads 'engine.'; that is outside the text of 54 characters, "
        "expected whole words; the nearest are 'engine.', 47 to 54",
    ),
    "negative": (
        (-2, 3, "PER"),
        "got -2 to 3, where the text reads 'Ada'; that is outside the text of 54 characters, expected whole words; "
        "the nearest are 'Ada', 0 to 3",
    ),
    "empty": (
        (4, 4, "PER"),
        "got 4 to 4, where the text reads ''; that is empty, expected whole words; the nearest are 'Lovelace', 4 to 12",
    ),
    "reversed": ((12, 0, "PER"), f"got 12 to 0, where the text reads ''; that ends before it begins, {NEAREST_ADA}"),
    "blank": (
        (29, 33, "PER"),
        "got 29 to 33, where the text reads '\\n\\n  '; that is blank, expected whole words; "
        "the nearest are '.\\n\\n  She', 28 to 36",
    ),
    "white space before": (
        (3, 12, "PER"),
        "got 3 to 12, where the text reads ' Lovelace'; that begins with white space, expected whole words; "
        "the nearest are 'Lovelace', 4 to 12",
    ),
    "white space after": (
        (0, 13, "PER"),
        f"got 0 to 13, where the text reads 'Ada Lovelace '; that ends with white space, {NEAREST_ADA}",
    ),
    "inside at the start": (
        (1, 12, "PER"),
        f"got 1 to 12, where the text reads 'da Lovelace'; that begins inside the word 'Ada', {NEAREST_ADA}",
    ),
    "inside at the end": (
        (0, 11, "PER"),
        f"got 0 to 11, where the text reads 'Ada Lovelac'; that ends inside the word 'Lovelace', {NEAREST_ADA}",
    ),
    "two values": ((0, 3), "got (0, 3) (tuple), expected (start, end, type) with integers as offsets"),
    "no integer": (
        (0, 3.0, "PER"),
        "got (0, 3.0, 'PER') (tuple), expected (start, end, type) with integers as offsets",
    ),
    "no sequence": (3, "got 3 (int), expected a list"),
}


@pytest.mark.parametrize(("mention", "message"), MISALIGNED.values(), ids=MISALIGNED)
def test_a_misaligned_mention_is_named(mention: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        Document.from_text(TEXT, [[(17, 28, "PER")], [(33, 36, "PER"), mention]], title="Ada")
    assert str(caught.value) == f"document 'Ada': entities[1][1]: {message}"


def test_a_text_without_words_has_none_to_offer() -> None:
    with pytest.raises(DataError) as caught:
        Document.from_text(" \n", [[(0, 1, "PER")]])
    assert str(caught.value) == (
        "document 'text': entities[0][0]: got 0 to 1, where the text reads ' '; that is blank, expected whole words; "
        "the text has no words"
    )


@pytest.mark.parametrize(
    ("text", "entities", "message"),
    [
        ("Ada", [[]], "entities[0]: got none, expected at least one mention"),
        ("Ada", 3, "entities: got 3 (int), expected a list"),
        ("Ada", [[(0, 3, "")]], "entities[0][0].type: got '' (str), expected a non-empty string"),
        (None, [], "text: got None (NoneType), expected a string"),
        (
            "Ada \U0001f600 \ud83d",
            [],
            "text: got the lone surrogate '\\ud83d' at 6, expected characters that UTF-8 can encode",
        ),
    ],
)
def test_what_is_no_text_and_no_entity_is_refused(text: Any, entities: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        Document.from_text(text, entities)
    assert str(caught.value) == f"document 'text': {message}"


@pytest.mark.slow
@settings(max_examples=1500)
@given(TEXTS, st.sampled_from(["en", "zh"]), st.data())
def test_any_text_is_kept_whole(text: str, language: str, data: st.DataObject) -> None:
    words = list(word_spans(text))
    at = st.integers(0, max(len(words) - 1, 0))
    pairs = [sorted(two) for two in data.draw(st.lists(st.tuples(at, at), max_size=4))] if words else []
    spans = [(words[first][0], words[last][1]) for first, last in pairs]
    document = Document.from_text(text, [[(start, end, "MISC")] for start, end in spans], sentences=language)
    assert document.offsets is not None
    rebuilt, characters = [" "] * len(text), 0
    for sentence, row in zip(document.sentences, document.offsets, strict=True):
        assert sentence
        for word, offset in zip(sentence, row, strict=True):
            rebuilt[offset : offset + len(word)] = word
            characters += len(word)
    assert "".join(rebuilt) == "".join(" " if character.isspace() else character for character in text)
    assert characters == sum(not character.isspace() for character in text)
    for (start, end), entity in zip(spans, document.entities, strict=True):
        assert document.span(entity.mentions[0]) == (start, end)
        assert entity.name == text[start:end]


@settings(max_examples=300)
@given(TEXTS, st.data())
def test_any_span_is_placed_exactly_or_refused(text: str, data: st.DataObject) -> None:
    bounds = st.integers(-2, len(text) + 2)
    start, end = data.draw(bounds), data.draw(bounds)
    legal = {bound for word in word_spans(text) for bound in word}
    try:
        document = Document.from_text(text, [[(start, end, "MISC")]])
    except DataError as error:
        assert f"got {start} to {end}, where" in str(error)
        assert not (start < end and {start, end} <= legal and text[start:end].strip() == text[start:end])
    else:
        assert document.span(document.entities[0].mentions[0]) == (start, end)
