from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.formats.words import cut_text, sentence_starts

TEXTS = st.text(st.sampled_from("aZ0 .,;!?()'_-\t\n\u00a0\u0301\u2028é字😀"), max_size=40)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("IL-2 rose 3.5%", "IL - 2 rose 3 . 5 %"),
        ("TNFα_x naïve", "TNFα _ x naïve"),
        ("  a\u00a0b\t", "a b"),
        ("字x😀", "字x 😀"),
        ("", ""),
    ],
)
def test_words_are_runs_of_letters_and_digits_or_one_other_character(text: str, words: str) -> None:
    cut = cut_text(text, starts=[0], spans=[])
    assert [word for sentence in cut.sentences for word in sentence] == words.split()


def test_words_are_cut_where_a_mention_begins_or_ends() -> None:
    cut = cut_text("antiHIV1 drug", starts=[0], spans=[(4, 7), (9, 13)])
    assert cut.sentences == (("anti", "HIV", "1", "drug"),)
    assert cut.offsets == ((0, 4, 7, 9),)
    assert [cut.place((4, 7)), cut.place((4, 13)), cut.place((9, 13))] == [(0, 1, 2), (0, 1, 4), (0, 3, 4)]


def test_mentions_that_overlap_are_each_cut_out() -> None:
    cut = cut_text("abcdef", starts=[0], spans=[(0, 4), (2, 6), (2, 4)])
    assert cut.sentences == (("ab", "cd", "ef"),)
    assert [cut.place((0, 4)), cut.place((2, 6)), cut.place((2, 4))] == [(0, 0, 2), (0, 1, 3), (0, 1, 2)]


def test_a_sentence_without_a_word_is_none() -> None:
    cut = cut_text("  a b. ", starts=[0, 2, 4, 7], spans=[])
    assert cut.sentences == (("a",), ("b", "."))
    assert cut.offsets == ((2,), (4, 5))


@given(TEXTS, st.data())
def test_words_and_offsets_reproduce_the_text(text: str, data: st.DataObject) -> None:
    bounds = st.integers(0, len(text))
    spans = [(min(two), max(two)) for two in data.draw(st.lists(st.tuples(bounds, bounds), max_size=4))]
    starts = list(sentence_starts(text, start=0, spans=spans))
    cut = cut_text(text, starts=starts, spans=spans)
    rebuilt = [" "] * len(text)
    for sentence, row in zip(cut.sentences, cut.offsets, strict=True):
        for word, offset in zip(sentence, row, strict=True):
            assert word
            rebuilt[offset : offset + len(word)] = word
    assert "".join(rebuilt) == "".join(" " if character.isspace() else character for character in text)
    for start, end in spans:
        if text[start:end].strip():
            stripped = start + len(text[start:end]) - len(text[start:end].lstrip())
            sentence, first, last = cut.place((stripped, end))
            assert cut.offsets[sentence][first] == stripped
            assert "".join(cut.sentences[sentence][first:last]) == "".join(text[start:end].split())


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It rose. We saw it.", ["It rose. ", "We saw it."]),
        ("Did it? Yes! (It did.) 5 died.", ["Did it? ", "Yes! ", "(It did.) ", "5 died."]),
        ('He said "No." Then left.', ['He said "No." ', "Then left."]),
        ("a dose of 0.5 mg. then more", ["a dose of 0.5 mg. then more"]),
        ("drugs, e.g. Aspirin, vs. Placebo (i.e. None)", ["drugs, e.g. Aspirin, vs. Placebo (i.e. None)"]),
        ("Smith et al. 1990 in Fig. 2 and No. 3", ["Smith et al. 1990 in Fig. 2 and No. 3"]),
        ("(see Fig.) Then more", ["(see Fig.) ", "Then more"]),
        ("a total. 3 died", ["a total. ", "3 died"]),
        ("vitamin C. The dose", ["vitamin C. ", "The dose"]),
        ("no end", ["no end"]),
        ("", [""]),
    ],
)
def test_sentences_end_by_rule(text: str, sentences: list[str]) -> None:
    starts = [*sentence_starts(text, start=0, spans=[]), len(text)]
    assert [text[start:end] for start, end in pairwise(starts)] == sentences


def test_no_sentence_ends_inside_a_mention() -> None:
    text = "Infection by S. Typhimurium. Then death."
    assert list(sentence_starts(text, start=0, spans=[(13, 27)])) == [0, 29]
    assert list(sentence_starts(text, start=0, spans=[(0, 15), (16, 27)])) == [0, 16, 29]
    assert list(sentence_starts(text, start=0, spans=[(0, 16), (16, 27)])) == [0, 16, 29]
    assert list(sentence_starts(text, start=0, spans=[(16, 27), (0, 17), (3, 5)])) == [0, 29]
