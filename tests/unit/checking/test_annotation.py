"""Each check finds what it is for, says where it is, and stays silent otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from atlop.checking import annotation
from atlop.documents import Document, Entity, Mention, Relation

SENTENCE = ("Ada", "Lovelace", ",", "the", "countess", "of", "Lovelace", "!", " ", "Fin")
FINE = Document(
    "A",
    (SENTENCE,),
    (Entity((Mention(0, 0, 2, "PER", "Ada Lovelace"),)), Entity((Mention(0, 6, 7, "LOC", "Lovelace"),))),
    (Relation(0, 1, "title", (0,)),),
)


def text(*entities: tuple[str, int, int]) -> Document:
    """A document of the sentence with entities of one mention each, as type, first word and word after the last."""
    mentions = (Mention(0, start, end, kind, " ".join(SENTENCE[start:end])) for kind, start, end in entities)
    return Document("A", (SENTENCE,), tuple(Entity((mention,)) for mention in mentions))


def merged(document: Document) -> Document:
    """The same mentions as one entity."""
    return replace(document, entities=(Entity(tuple(entity.mentions[0] for entity in document.entities)),))


def related(*facts: Relation, candidates: tuple[tuple[int, int], ...] | None = None) -> Document:
    return replace(FINE, relations=facts, candidates=candidates)


FINDINGS: list[tuple[Callable[[Document], Iterator[str]], Document, str]] = [
    (annotation.entities_without_type, text(("-", 0, 1)), "entities[0] 'Ada': type '-'"),
    (annotation.entities_without_type, text((" ", 0, 1)), "entities[0] 'Ada': type ' '"),
    (
        annotation.entities_of_several_types,
        merged(text(("PER", 0, 1), ("LOC", 6, 7))),
        "entities[0] 'Ada': types LOC, PER",
    ),
    (
        annotation.repeated_mentions,
        merged(text(("PER", 0, 2), ("PER", 0, 2))),
        "entities[0]: 'Ada Lovelace' (sentence 0, word 0) 2 times",
    ),
    (
        annotation.mentions_of_several_entities,
        text(("PER", 0, 2), ("LOC", 6, 7), ("PER", 0, 2)),
        "'Ada Lovelace' (sentence 0, word 0) in entities 0, 2",
    ),
    (
        annotation.overlapping_mentions,
        text(("LOC", 6, 7), ("LOC", 4, 7)),
        "'countess of Lovelace' (sentence 0, word 4) and 'Lovelace' (sentence 0, word 6)",
    ),
    (annotation.mentions_at_odd_boundaries, text(("PER", 0, 3)), "'Ada Lovelace ,' (sentence 0, word 0)"),
    (annotation.mentions_at_odd_boundaries, text(("PER", 2, 5)), "', the countess' (sentence 0, word 2)"),
    (annotation.mentions_at_odd_boundaries, text(("PER", 6, 9)), "'Lovelace !  ' (sentence 0, word 6)"),
    (
        annotation.names_unlike_words,
        replace(FINE, entities=(Entity((Mention(0, 0, 1, "PER", "Ida"),)), FINE.entities[1])),
        "entities[0]: name 'Ida', words 'Ada' (sentence 0, word 0)",
    ),
    (
        annotation.names_of_several_entities,
        text(("PER", 1, 2), ("LOC", 0, 1), ("PER", 6, 7)),
        "'Lovelace' (PER) in entities 0, 2",
    ),
    (annotation.relations_with_itself, related(Relation(1, 1, "is")), "relations[0]: is of 'Lovelace'"),
    (
        annotation.relations_without_evidence,
        related(Relation(0, 1, "title", (0,)), Relation(1, 0, "of")),
        "relations[1]: 'Lovelace' of 'Ada Lovelace'",
    ),
    (
        annotation.relations_without_evidence,
        related(Relation(0, 1, "title", ())),
        "relations[0]: 'Ada Lovelace' title 'Lovelace'",
    ),
    (
        annotation.relations_outside_candidates,
        related(Relation(0, 1, "title"), Relation(1, 0, "of"), candidates=((0, 1),)),
        "relations[1]: 'Lovelace' of 'Ada Lovelace'",
    ),
    (annotation.fewer_than_two_entities, text(("PER", 0, 1)), "entities: 1"),
    (annotation.no_relations, text(("PER", 0, 1), ("LOC", 6, 7)), "entities: 2"),
]


@pytest.mark.parametrize(("check", "document", "place"), FINDINGS)
def test_what_is_odd_is_found_once(check: Callable[[Document], Iterator[str]], document: Document, place: str) -> None:
    assert list(check(document)) == [place]
    assert list(check(FINE)) == []


def test_neighbours_do_not_overlap() -> None:
    document = text(("PER", 0, 1), ("PER", 1, 2))
    assert list(annotation.overlapping_mentions(document)) == []


def test_a_shared_span_is_not_an_equal_name_in_another_place() -> None:
    assert list(annotation.names_of_several_entities(text(("PER", 1, 2), ("PER", 1, 2)))) == []


def test_equal_names_of_two_types_are_two_things() -> None:
    assert list(annotation.names_of_several_entities(text(("PER", 1, 2), ("LOC", 6, 7)))) == []


def test_white_space_between_words_is_no_difference() -> None:
    document = replace(FINE, entities=(Entity((Mention(0, 0, 2, "PER", "AdaLovelace"),)), FINE.entities[1]))
    assert list(annotation.names_unlike_words(document)) == []


def test_titles_may_end_with_an_exclamation_mark() -> None:
    assert list(annotation.mentions_at_odd_boundaries(text(("MISC", 6, 8)))) == []


@pytest.mark.parametrize(
    ("words", "offsets", "cut"), [(("rs6232", "A"), (0, 6), True), (("rs6232", "A"), (0, 7), False)]
)
def test_a_mention_inside_a_word_of_the_raw_text_is_odd(
    words: tuple[str, ...], offsets: tuple[int, ...], cut: bool
) -> None:
    raw = words[0] + " " * (offsets[1] - 6) + words[1]
    document = Document("A", (words,), (Entity((Mention(0, 1, 2, "X", "A"),)),), text=raw, offsets=(offsets,))
    assert list(annotation.mentions_at_odd_boundaries(document)) == ["'A' (sentence 0, word 1)"] * cut
