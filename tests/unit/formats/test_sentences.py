from __future__ import annotations

from itertools import pairwise

import pytest

from atlop.formats.sentences import sentence_starts


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
