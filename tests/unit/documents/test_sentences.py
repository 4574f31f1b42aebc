from __future__ import annotations

from atlop.documents import Document, Entity, Mention, Relation
from atlop.documents.sentences import sentence_span, sentence_text, supporting_sentences

TEXT = "Ada  wrote .\nShe (Ada) did n't ."
WORDS = (("Ada", "wrote", "."), (), ("She", "(", "Ada", ")", "did", "n't", "."))
OFFSETS = ((0, 5, 11), (), (13, 17, 18, 21, 23, 27, 31))


def entity(*sentences: int) -> Entity:
    return Entity(tuple(Mention(sentence, 0, 1, "PER", "Ada") for sentence in sentences))


def test_a_sentence_is_that_of_the_text() -> None:
    document = Document("a", WORDS, text=TEXT, offsets=OFFSETS)
    assert [sentence_span(document, index) for index in range(3)] == [(0, 12), None, (13, 32)]
    assert [sentence_text(document, index) for index in range(3)] == ["Ada  wrote .", "", "She (Ada) did n't ."]


def test_without_text_there_is_no_space_around_punctuation() -> None:
    document = Document("a", WORDS)
    assert [sentence_span(document, index) for index in range(3)] == [None, None, None]
    assert [sentence_text(document, index) for index in range(3)] == ["Ada wrote.", "", "She (Ada) didn't."]


def test_evidence_supports_and_else_the_closest_mentions() -> None:
    document = Document("a", (("w",),) * 6, (entity(0, 5), entity(2, 4)))
    assert supporting_sentences(document, Relation(0, 1, "P1", (3, 1))) == [3, 1]
    assert supporting_sentences(document, Relation(0, 1, "P1", ())) == [4, 5]
    assert supporting_sentences(document, Relation(0, 1, "P1")) == [4, 5]
