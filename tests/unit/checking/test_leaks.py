"""Dev documents that a model has seen in training."""

from __future__ import annotations

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


def test_the_same_text_is_no_near_duplicate() -> None:
    assert list(near_texts(TRAIN, TRAIN)) == []


def test_texts_shorter_than_a_shingle_are_compared_as_a_whole() -> None:
    train = [document("First", "a b")]
    assert list(near_texts(train, [document("Second", "a b c"), document("Third", "")])) == []
    assert list(same_texts(train, [document("Second", "a b")])) == ["'Second' is 'First'"]
