from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import DataError
from atlop.formats import encode

SENTENCES = "Aspirin causes pain .|Pain and ulcer follow aspirin ."
ASPIRIN = ("D1", "Aspirin|aspirin", "Chemical", "0:8", "1:9", "0:1")
PAIN = ("D2", "pain|Pain", "Disease", "2:4", "3:5", "0:1")
ULCER = ("D3", "ulcer", "Disease", "6", "7", "1")
DRUG = ("D4", "aspirin", "Chemical", "8", "9", "1")


def pair(label: str, direction: str, first: Sequence[str], second: Sequence[str]) -> list[str]:
    return [label, direction, "CROSS", "0-1", "2-3", *first, *second]


def line(*pairs: Sequence[str], title: str = "77", sentences: str = SENTENCES) -> str:
    return "\t".join([title, sentences, *(column for columns in pairs for column in columns)])


def documents_of(content: bytes) -> list[list[str]]:
    return [row.split("\t") for row in content.decode().splitlines()]


ENTITIES = {
    "D1": Entity((Mention(0, 0, 1, "Chemical", "Aspirin"), Mention(1, 4, 5, "Chemical", "aspirin")), "D1"),
    "D2": Entity((Mention(0, 2, 3, "Disease", "pain"), Mention(1, 0, 1, "Disease", "Pain")), "D2"),
    "D3": Entity((Mention(1, 2, 3, "Disease", "ulcer"),), "D3"),
    "D4": Entity((Mention(1, 4, 5, "Chemical", "aspirin"),), "D4"),
}
WORDS = (("Aspirin", "causes", "pain", "."), ("Pain", "and", "ulcer", "follow", "aspirin", "."))
FOUR = line(
    pair("not_include", "L2R", DRUG, PAIN),
    pair("1:NR:2", "R2L", ASPIRIN, ULCER),
    pair("1:CID:2", "L2R", ASPIRIN, PAIN),
)


def test_reads_head_before_tail_and_entities_without_candidates_last(reading: Callable[..., list[Document]]) -> None:
    assert reading(FOUR) == [
        Document(
            title="77",
            sentences=WORDS,
            entities=tuple(ENTITIES[identifier] for identifier in ("D3", "D1", "D2", "D4")),
            relations=(Relation(1, 2, "CID"),),
            candidates=((0, 1), (1, 2)),
        )
    ]


def test_direction_says_which_argument_is_the_head(reading: Callable[..., list[Document]]) -> None:
    (document,) = reading(line(pair("1:GDA:2", "R2L", ASPIRIN, PAIN)))
    assert [entity.identifier for entity in document.entities] == ["D2", "D1"]
    assert document.relations == (Relation(0, 1, "GDA"),)


def test_mentions_are_those_of_the_first_included_pair(reading: Callable[..., list[Document]]) -> None:
    other = ("D1", "aspirin", "Chemical", "8", "9", "1")
    pairs = [pair("not_include", "L2R", other, ULCER), pair("1:NR:2", "L2R", ASPIRIN, PAIN)]
    (document,) = reading(line(*pairs, pair("1:NR:2", "L2R", other, ULCER)))
    assert document.entities[0] == ENTITIES["D1"]


def test_a_repeated_pair_is_one_candidate_and_a_repeated_label_one_fact(reading: Callable[..., list[Document]]) -> None:
    twice = [pair("1:CID:2", "L2R", ASPIRIN, PAIN)] * 2
    (document,) = reading(line(*twice, pair("1:XYZ:2", "L2R", ASPIRIN, PAIN)))
    assert document.candidates == ((0, 1),)
    assert document.relations == (Relation(0, 1, "CID"), Relation(0, 1, "XYZ"))


def test_a_line_without_pairs_has_no_candidates(reading: Callable[..., list[Document]]) -> None:
    assert reading(line()) == [Document("77", WORDS, candidates=())]


def test_a_repeated_title_is_a_document_of_its_own(reading: Callable[..., list[Document]]) -> None:
    assert [len(document.entities) for document in reading(f"{FOUR}\n{line()}\n")] == [4, 0]


def test_what_was_read_survives(reading: Callable[..., list[Document]], again: Callable[..., list[Document]]) -> None:
    documents = reading(f"{FOUR}\n{line()}\n{line(pair('1:CID:2', 'L2R', PAIN, PAIN), title='78')}\n")
    assert again(documents, "data") == documents


def test_writes_head_first_with_the_closest_mentions() -> None:
    document = Document("77", WORDS, tuple(ENTITIES.values()), (Relation(1, 0, "CID"),), candidates=((1, 0), (0, 2)))
    (row,) = documents_of(b"".join(encode([document], form="data")))
    columns = [row[start : start + 17] for start in range(2, len(row), 17)]
    assert row[:2] == ["77", SENTENCES]
    assert columns == [
        ["1:CID:2", "L2R", "NON-CROSS", "2-3", "0-1", *PAIN, *ASPIRIN],
        ["1:NR:2", "L2R", "NON-CROSS", "8-9", "6-7", *ASPIRIN, *ULCER],
        ["not_include", "L2R", "NON-CROSS", "8-9", "8-9", *DRUG, *DRUG],
    ]


def test_mentions_in_no_common_sentence_cross() -> None:
    first = Entity((Mention(0, 2, 3, "Disease", "pain"),), "D2")
    (row,) = documents_of(b"".join(encode([Document("77", WORDS, (first, ENTITIES["D3"]))], form="data")))
    assert [row[start : start + 5] for start in (2, 19)] == [
        ["1:NR:2", "L2R", "CROSS", "2-3", "6-7"],
        ["1:NR:2", "L2R", "CROSS", "6-7", "2-3"],
    ]


def test_other_documents_are_written_with_all_pairs_and_made_up_identifiers(
    again: Callable[..., list[Document]],
) -> None:
    a, b = Mention(0, 0, 1, "PER", "a|\n"), Mention(0, 1, 2, "LOC", "b")
    document = Document("x", (("a", "b"),), (Entity((a,)), Entity((b,), "E0")), (Relation(1, 0, "place of birth"),))
    assert again([document], "data") == [
        Document(
            "x",
            (("a", "b"),),
            (Entity((Mention(0, 0, 1, "PER", "a  "),), "E0_"), Entity((b,), "E0")),
            (Relation(1, 0, "place of birth"),),
            candidates=((0, 1), (1, 0)),
        )
    ]


MALFORMED = {
    "a column too few": (
        line(pair("1:CID:2", "L2R", ASPIRIN, PAIN)[:-1]),
        "got 18 columns, expected 2 and then 17 for each pair",
    ),
    "an unknown direction": (
        line(pair("1:CID:2", "LR", ASPIRIN, PAIN)),
        "pairs[0].direction: got 'LR' (str), expected 'L2R' or 'R2L'",
    ),
    "starts that are no numbers": (
        line(pair("1:CID:2", "L2R", ASPIRIN, (*PAIN[:3], "2,4", *PAIN[4:]))),
        "pairs[0].second.starts: got '2,4' (str), expected integers separated by ':'",
    ),
    "a number of 5,000 digits": (
        line(pair("1:CID:2", "L2R", ASPIRIN, (*ULCER[:5], "9" * 5000))),
        f"pairs[0].second.sentences: got '{'9' * 56}... (str), expected integers separated by ':'",
    ),
    "fewer ends than starts": (
        line(pair("1:NR:2", "L2R", PAIN, ULCER), pair("1:CID:2", "L2R", (*ASPIRIN[:4], "1", ASPIRIN[5]), PAIN)),
        "pairs[1].first: got [2, 2, 1, 2] names, starts, ends and sentences, expected the same number of each",
    ),
    "a mention out of its sentence": (
        line(pair("1:CID:2", "L2R", PAIN, (*ULCER[:3], "9", "11", "1"))),
        "pairs[0].second: got the words 9 to 11 in sentence 1, expected words within 4 to 10 there",
    ),
    "a mention in a sentence that is not there": (
        line(pair("1:CID:2", "L2R", PAIN, (*ULCER[:5], "2"))),
        "pairs[0].second: got the words 6 to 7 in sentence 2, expected a sentence below 2",
    ),
    "an empty type": (
        line(pair("1:CID:2", "L2R", PAIN, (*ULCER[:2], "", *ULCER[3:]))),
        "pairs[0].second.type: got an empty type, expected one such as Disease",
    ),
    "an empty label": (
        line(pair("", "L2R", PAIN, ULCER)),
        "pairs[0].label: got an empty label, expected one such as 1:CID:2",
    ),
    "an empty word": (
        line(sentences="a  b"),
        "sentences[0][1]: got '' (str), expected a non-empty string",
    ),
}


@pytest.mark.parametrize(("content", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_line_is_reported(failure: Callable[..., str], content: str, message: str) -> None:
    assert failure(content) == f"file: document '77': {message}"


def test_a_line_without_title_is_reported_by_its_number(failure: Callable[..., str]) -> None:
    message = "file: document 'line 2': title: got '' (str), expected a non-empty string"
    assert failure(f"{FOUR}\n{line(title='')}") == message


A = Entity((Mention(0, 0, 1, "PER", "a"),), "Q1")
UNWRITABLE = {
    "a blank word": (
        Document("x", (("a", " "),)),
        "document 'x': sentences[0][1]: got ' ' (str), expected no ' ' in it, which separates fields in this format",
    ),
    "a tab in a type": (
        Document("x", (("a",),), (Entity((Mention(0, 0, 1, "P\tR", "a"),)),)),
        "document 'x': entities[0].mentions[0].type: got 'P\\tR' (str), expected no '\\t' in it, "
        "which separates fields in this format",
    ),
    "a shared identifier": (
        Document("x", (("a",),), (A, A)),
        "document 'x': entities: got the identifier 'Q1' in 2 entities, expected a different one in each",
    ),
    "a relation called none": (
        Document("x", (("a",),), (A,), (Relation(0, 0, "NR"),)),
        "document 'x': relations[0].relation: got 'NR', expected the name of a relation, "
        "not what this format uses for none",
    ),
}


@pytest.mark.parametrize(("document", "message"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_what_the_format_cannot_store_is_reported(document: Document, message: str) -> None:
    with pytest.raises(DataError) as caught:
        list(encode([document], form="data"))
    assert str(caught.value) == message
