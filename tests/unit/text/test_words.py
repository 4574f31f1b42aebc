from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.text import Spans, cut_text, word_spans

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
    assert [text[start:end] for start, end in word_spans(text)] == words.split()


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
    starts = sorted(
        {0, *data.draw(st.lists(bounds.filter(lambda start: not Spans(spans).split_at(start)), max_size=4))}
    )
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


def test_a_span_is_split_strictly_inside_it_only() -> None:
    spans = Spans([(2, 4), (6, 8), (3, 5), (8, 9)])
    assert [offset for offset in range(10) if spans.split_at(offset)] == [3, 4, 7]
    assert not Spans([]).split_at(0)
