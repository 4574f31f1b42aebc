from __future__ import annotations

import sys
from itertools import pairwise

import nupunkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.errors import DataError, MissingExtraError
from atlop.text import sentence_starts, split_text

PIECES = [
    *("Ada", "z", "0", "naïve", "字", "Ω", "a\u0301", "हिन्दी"),
    *(" ", "\t", "\n", "\r\n", "\r", "\u00a0", "\u2028", "\x1c", "\u3000"),
    *(".", "!", "?", "…", "。", "...", "-", '"', "”", ")", "_", "."),
    *("\u200b", "\u200d", "\u202e", "\ufeff", "\x00", "\x07", "\x7f"),
    *("😀", "👨\u200d👩\u200d👧", "\u05d0\u05d1", "\u0627\u0644", "Dr.", "e.g.", "U.S.A.", "https://a.b/c?d=e"),
]
"""What makes texts hostile: white space of every kind, marks that may end a sentence, what cannot be seen."""
HOSTILE = st.lists(st.one_of(st.sampled_from(PIECES), st.characters(exclude_categories=["Cs"])), max_size=30)
TEXTS = st.one_of(
    HOSTILE.map("".join),
    st.tuples(HOSTILE, st.sampled_from(["a", "A.", "!", "字", "\u200b"])).map(
        lambda drawn: "".join([*drawn[0], drawn[1] * 10_000, *drawn[0]])
    ),
)


def cut_at(text: str, starts: list[int]) -> list[str]:
    return [text[start:end] for start, end in pairwise([*starts, len(text)])]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("She wrote to Dr. Babbage. He answered!", ["She wrote to Dr. Babbage. ", "He answered!"]),
        ("It costs 3.5 U.S. dollars, e.g. in Rome. Why?", ["It costs 3.5 U.S. dollars, e.g. in Rome. ", "Why?"]),
        (
            "A Title\n\nA text\nof two lines.\r\n \r\nAn end",
            ["A Title\n\n", "A text\nof two lines.\r\n \r\n", "An end"],
        ),
        ("One line\r\nand the next", ["One line\r\nand the next"]),
        ("One line\r\rand another", ["One line\r\r", "and another"]),
        ("no end", ["no end"]),
        ("", [""]),
    ],
)
def test_english_sentences_end_by_nupunkt_and_at_blank_lines(text: str, sentences: list[str]) -> None:
    assert cut_at(text, sentence_starts(text)) == sentences


def test_other_languages_end_sentences_by_their_own_rules() -> None:
    text = "你好。我是小明。\n\n再见"
    assert cut_at(text, sentence_starts(text)) == ["你好。我是小明。\n\n", "再见"]
    assert [part for part in cut_at(text, sentence_starts(text, language="zh")) if part.strip()] == [
        "你好。",
        "我是小明。",
        "再见",
    ]


def test_no_sentence_ends_inside_a_mention() -> None:
    text = "She met Mr. Yahoo! Serious. Then\n\nshe left."
    assert split_text(text, spans=[(8, 26)]).sentences[0][-2:] == ("Serious", ".")
    assert split_text(text, spans=[(28, 37)]).sentences[-1][:2] == ("Then", "she")
    assert len(split_text(text, spans=[(0, len(text))]).sentences) == 1


def test_sentences_that_are_known_are_taken_over() -> None:
    cut = split_text("A b. C d. E f", spans=[(0, 6)], starts=[2, 5, 7])
    assert cut.sentences == (("A", "b", ".", "C"), ("d", ".", "E", "f"))


@pytest.mark.parametrize("language", ["English", "", "e", None, "en_US"])
def test_a_language_is_a_code(language: str) -> None:
    with pytest.raises(DataError) as caught:
        sentence_starts("A text.", language=language)
    found = f"{language!r} ({type(language).__name__})"
    assert str(caught.value) == f"sentences: got {found}, expected the code of a language such as en or de"


def test_the_extra_for_other_languages_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencex", None)
    assert sentence_starts("Ein Text.") == [0]
    with pytest.raises(MissingExtraError) as caught:
        sentence_starts("Ein Text.", language="de")
    assert str(caught.value) == (
        "splitting sentences of the language 'de' needs packages that are not installed: pip install 'atlop[languages]'"
    )


def test_nupunkt_is_given_no_long_chunk_of_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes quadratic time for one."""
    given_texts: list[str] = []
    monkeypatch.setattr(nupunkt, "sent_spans", lambda text: given_texts.append(text) or [])
    sentence_starts("!" * 499 + " " + "!" * 500)
    assert given_texts == ["!" * 499 + " " + "x" * 450 + "!" * 50]


def test_a_long_chunk_still_ends_a_sentence() -> None:
    text = f"{'ab!' * 1000}end. Then more"
    assert cut_at(text, sentence_starts(text)) == [text[:-9], "Then more"]


@given(TEXTS, st.sampled_from(["en", "en", "zh"]), st.data())
def test_every_character_is_in_one_word_of_one_sentence(text: str, language: str, data: st.DataObject) -> None:
    bounds = st.integers(0, len(text))
    spans = [(min(two), max(two)) for two in data.draw(st.lists(st.tuples(bounds, bounds), max_size=4))]
    cut = split_text(text, spans=spans, language=language)
    rebuilt, characters = [" "] * len(text), 0
    for words, row in zip(cut.sentences, cut.offsets, strict=True):
        assert words
        for word, offset in zip(words, row, strict=True):
            rebuilt[offset : offset + len(word)] = word
            characters += len(word)
    assert "".join(rebuilt) == "".join(" " if character.isspace() else character for character in text)
    assert characters == sum(not character.isspace() for character in text)
    for start, end in spans:
        if text[start:end].strip() == text[start:end] != "":
            sentence, first, last = cut.place((start, end))
            offsets, words = cut.offsets[sentence], cut.sentences[sentence]
            assert (offsets[first], offsets[last - 1] + len(words[last - 1])) == (start, end)
