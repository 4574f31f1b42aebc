"""Dev documents that a model has seen in training."""

from __future__ import annotations

import time
import tracemalloc

from atlop.checking.leaks import near_texts, same_texts, same_titles
from atlop.documents import Document


def document(title: str, *sentences: str) -> Document:
    return Document(title, tuple(tuple(sentence.split()) for sentence in sentences))


LETTERS = "a b c d e f g h i j k l"
TRAIN = [document("First", LETTERS), document("Second", "quite another text of some words")]


def test_titles_are_compared_exactly() -> None:
    dev = [document("First", "x"), document("first", "y"), document("Third", LETTERS)]
    assert list(same_titles(TRAIN, dev)) == ["'First'"]


def test_texts_are_compared_without_case_and_sentences() -> None:
    dev = [document("Third", "A B C D E F", "G H I J K L"), document("First", "a b c d e f g h i j k")]
    assert list(same_texts(TRAIN, dev)) == ["'Third' is 'First'"]


def test_half_of_the_shingles_make_near_duplicates() -> None:
    """Of the eight shingles of twelve words, four lack the ninth word, and three lack the eighth."""
    kept, lost = LETTERS.replace("i", "!"), LETTERS.replace("h", "!")
    assert list(near_texts(TRAIN, [document("Third", kept)])) == ["'Third' shares 50% with 'First'"]
    assert list(near_texts(TRAIN, [document("Third", lost)])) == []


def test_the_share_is_that_of_the_shorter_text() -> None:
    """A training text inside a long dev text is found."""
    dev = [document("Third", "one two three four five six seven eight nine", LETTERS, "and more and more and more")]
    assert list(near_texts(TRAIN, dev)) == ["'Third' shares 100% with 'First'"]


def test_of_equally_near_texts_the_first_is_named() -> None:
    train = [document(str(number), f"{LETTERS} {number}") for number in range(20)]
    assert list(near_texts(train, [document("Third", f"{LETTERS} x")])) == ["'Third' shares 89% with '0'"]


def test_training_texts_are_not_kept() -> None:
    train = [document(str(number), " ".join(f"{number}-{place}" for place in range(300))) for number in range(100)]
    tracemalloc.start()
    try:
        assert list(near_texts(train, TRAIN)) == []
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


def test_words_that_all_texts_share_cost_little() -> None:
    shared = " ".join(map(str, range(400)))
    texts = [document(str(number), f"{shared} {number}") for number in range(600)]
    started = time.process_time()
    assert len(list(near_texts(texts[:300], texts[300:]))) == 300
    assert time.process_time() - started < 1


def test_the_same_text_is_no_near_duplicate() -> None:
    assert list(near_texts(TRAIN, TRAIN)) == []


def test_texts_shorter_than_a_shingle_are_compared_as_a_whole() -> None:
    train = [document("First", "a b")]
    assert list(near_texts(train, [document("Second", "a b c"), document("Third", "")])) == []
    assert list(same_texts(train, [document("Second", "a b")])) == ["'Second' is 'First'"]
