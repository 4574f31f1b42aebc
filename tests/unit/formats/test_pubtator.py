from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import DataError
from atlop.formats import encode
from atlop.formats.pubtator import dump, parse

CDR = """\
12|t|Aspirin toxicity
12|a|Renal and hepatic failure. Aspirin helps X.
12\t0\t7\tAspirin\tChemical\tD1
12\t17\t42\tRenal and hepatic failure\tDisease\tD2|D3\tRenal failure|hepatic failure
12\t44\t51\tAspirin\tChemical\tD1
12\t58\t59\tX\tChemical\t-1
12\tCID\tD1\tD3
"""
CDR_DOCUMENT = Document(
    title="12",
    sentences=(
        ("Aspirin", "toxicity"),
        ("Renal", "and", "hepatic", "failure", "."),
        ("Aspirin", "helps", "X", "."),
    ),
    entities=(
        Entity((Mention(0, 0, 1, "Chemical", "Aspirin"), Mention(2, 0, 1, "Chemical", "Aspirin")), "D1"),
        Entity((Mention(1, 0, 4, "Disease", "Renal and hepatic failure"),), "D2"),
        Entity((Mention(1, 0, 4, "Disease", "Renal and hepatic failure"),), "D3"),
        Entity((Mention(2, 2, 3, "Chemical", "X"),)),
    ),
    relations=(Relation(0, 2, "CID"),),
    text="Aspirin toxicity Renal and hepatic failure. Aspirin helps X.",
    offsets=((0, 8), (17, 23, 27, 35, 42), (44, 52, 58, 59)),
)


def file(*rows: str, title: str = "Aspirin helps", abstract: str = "Or not.") -> str:
    return "\n".join([f"5|t|{title}", f"5|a|{abstract}", *(row.replace(" ", "\t") for row in rows), ""])


def entities_of(documents: list[Document]) -> list[tuple[str | None, list[str]]]:
    """Identifier and names of each entity."""
    return [
        (entity.identifier, [mention.name for mention in entity.mentions])
        for document in documents
        for entity in document.entities
    ]


@pytest.mark.parametrize("content", [CDR, CDR.replace("\n", "\r\n"), f"\n\n{CDR}\n\n"])
def test_reads_every_field(reading: Callable[..., list[Document]], content: str) -> None:
    assert reading(content) == [CDR_DOCUMENT]


def test_writes_what_it_read_but_for_the_names_of_parts() -> None:
    written = b"".join(dump([CDR_DOCUMENT])).decode()
    expected = CDR.replace("\tRenal failure|hepatic failure", "").replace("\t-1\n", "\t-\n")
    assert written == f"{expected}\n"


def test_documents_need_no_blank_line_between_them(reading: Callable[..., list[Document]]) -> None:
    assert reading(CDR + CDR) == [CDR_DOCUMENT, CDR_DOCUMENT]


def test_identifiers_split_as_the_corpus_of_their_type_joins_them(reading: Callable[..., list[Document]]) -> None:
    rows = [
        "5 0 7 Aspirin SequenceVariant c|DEL|1314_1328|",
        "5 0 7 Aspirin GeneOrGeneProduct 11,12",
        "5 8 13 helps Disease D1|-1|D2,D1",
        "5 8 13 helps DiseaseOrPhenotypicFeature D1|D2",
    ]
    assert entities_of(reading(file(*rows))) == [
        ("c|DEL|1314_1328|", ["Aspirin"]),
        ("11", ["Aspirin"]),
        ("12", ["Aspirin"]),
        ("D1", ["helps"]),
        ("D2", ["helps"]),
        ("D1|D2", ["helps"]),
    ]


def test_each_unlinked_mention_is_an_entity_of_its_own(reading: Callable[..., list[Document]]) -> None:
    rows = ["5 0 7 Aspirin A -", "5 0 7 Aspirin A -1", "5 8 13 helps A", "5 8 13 helps A "]
    assert entities_of(reading(file(*rows))) == [
        (None, ["Aspirin"]),
        (None, ["Aspirin"]),
        (None, ["helps"]),
        (None, ["helps"]),
    ]


def test_relations_may_carry_novelty_and_repeat(reading: Callable[..., list[Document]]) -> None:
    rows = ["5 0 7 Aspirin A 1", "5 8 13 helps B 2", "5 Bind 1 2 Novel", "5 Bind 1 2 No", "5 Bind 2 2 No"]
    (document,) = reading(file(*rows))
    assert document.relations == (Relation(0, 1, "Bind"), Relation(1, 1, "Bind"))


def test_mentions_that_repeat_overlap_and_mix_types_survive(
    reading: Callable[..., list[Document]], again: Callable[..., list[Document]]
) -> None:
    rows = ["5 0 7 Aspirin A 1", "5 0 7 Aspirin A 1", "5 2 9 pirin_h B 1", "5 0 7 Aspirin A 2", "5 8 13 helps B -"]
    documents = reading(file(*rows, title="Aspirin helps").replace("pirin_h", "pirin h"))
    assert documents[0].sentences[0] == ("As", "pirin", "h", "elps")
    assert [len(entity.mentions) for entity in documents[0].entities] == [3, 1, 1]
    assert again(documents, "pubtator") == documents


@pytest.mark.parametrize(
    ("title", "abstract"), [("", ""), ("T", ""), ("", "A. B"), ("", "?\u00a00"), (" T ", " A"), ("a\tb", "c")]
)
def test_bare_texts_survive(
    reading: Callable[..., list[Document]], again: Callable[..., list[Document]], title: str, abstract: str
) -> None:
    documents = reading(file(title=title, abstract=abstract))
    assert documents[0].text == f"{title} {abstract}".replace("\t", " ")
    assert again(documents, "pubtator") == documents


CHARACTERS = st.sampled_from("aB0 .?(|,-_\u00a0\u2028é😀")


@given(st.text(CHARACTERS, max_size=12), st.text(CHARACTERS, max_size=20), st.data())
def test_whatever_is_read_survives(title: str, abstract: str, data: st.DataObject) -> None:
    text = f"{title} {abstract}"
    rows = [f"a|t|{title}", f"a|a|{abstract}"]
    bound = st.integers(0, len(text))
    for one, other in data.draw(st.lists(st.tuples(bound, bound), max_size=6)):
        start, end = min(one, other), max(one, other)
        if text[start:end].strip() and (end <= len(title) or start > len(title)):
            identifiers = data.draw(st.sampled_from(["1", "2", "2|3", "4,1", "-", " 2 ,-1"]))
            type = data.draw(st.sampled_from(["Gene", "Disease"]))
            rows.append("\t".join(["a", str(start), str(end), text[start:end], type, identifiers]))
    read = list(parse(io.BytesIO("\n".join(rows).encode())))
    assert isinstance(read[0], Document)
    assert read[0].text == text
    assert list(parse(io.BytesIO(b"".join(dump([read[0]]))))) == read


@pytest.mark.parametrize("identifier", [None, "-", "-1", ""])
def test_an_entity_without_an_identifier_stays_one(
    again: Callable[..., list[Document]], identifier: str | None
) -> None:
    mentions = (Mention(0, 0, 1, "A", "a"), Mention(0, 1, 2, "A", "b"))
    others = (Entity((Mention(0, 2, 3, "A", "c"),), identifier), Entity((Mention(0, 3, 4, "A", "d"),), identifier))
    document = Document("x", (("a", "b", "c", "d"),), (Entity(mentions, identifier), *others))
    assert entities_of(again([document], "pubtator")) == [("E0", ["a", "b"]), (None, ["c"]), (None, ["d"])]


def test_a_document_without_text_is_written_with_its_words_joined() -> None:
    a, b, c = Mention(1, 0, 2, "PER", "c d"), Mention(2, 0, 1, "LOC", "e"), Mention(0, 1, 2, "LOC", "other")
    entities = (Entity((a, c)), Entity((b,)), Entity((c,), "Q1"), Entity((b,)))
    document = Document("x", (("a", "b\n"), ("c", "d"), ("e",)), entities, (Relation(2, 1, "P1"),))
    assert b"".join(dump([document])).decode().replace("\t", "~") == (
        "x|t|a b \nx|a|c d e\nx~5~8~c d~PER~E0\nx~2~4~b ~LOC~E0\nx~9~10~e~LOC~E1\nx~2~4~b ~LOC~Q1\nx~9~10~e~LOC~-\n"
        "x~P1~Q1~E1\n\n"
    )


def test_a_text_without_a_space_after_its_first_sentence_is_joined_anew() -> None:
    document = Document("x", (("a", "."), ("b",)), text="a.b", offsets=((0, 1), (2,)))
    assert b"".join(dump([document])) == b"x|t|a .\nx|a|b\n\n"
    single = Document("x", (("a", "."),), text="a.", offsets=((0, 1),))
    assert b"".join(dump([single])) == b"x|t|a.\nx|a|\n\n"


MALFORMED = {
    "no abstract": ("5|t|A\n", "document '5': line 1: got no line after it, expected the abstract line 'id|a|text'"),
    "a row in place of the abstract": (
        "5|t|A\n5\t0\t1\tA\tX\t1\n",
        "document '5': line 2: got '5\\t0\\t1\\tA\\tX\\t1' (str), expected the abstract line 'id|a|text'",
    ),
    "an abstract of another document": (
        "5|t|A\n6|a|B\n",
        "document '5': line 2: got the id '6', expected '5' as in the title line",
    ),
    "a row of another document": (
        file("6 0 7 Aspirin A 1"),
        "document '5': line 3: got the id '6', expected '5' as in the title line",
    ),
    "rows without their title": (
        f"{CDR}\n12\tCID\tD1\tD3\n",
        "document 'line 9': line 9: got '12\\tCID\\tD1\\tD3' (str), expected the title line 'id|t|text'",
    ),
    "a mention that is not in the text there": (
        file("5 1 8 Aspirin A 1"),
        "document '5': line 3: got the mention 'Aspirin' (str) at 1 to 8, where the text reads 'spirin ' (str), "
        "expected the same and not blank",
    ),
    "a mention of a space": (
        "5|t|A b\n5|a|c\n5\t1\t2\t \tX\t1\n",
        "document '5': line 3: got the mention ' ' (str) at 1 to 2, where the text reads ' ' (str), "
        "expected the same and not blank",
    ),
    "a mention beyond the text": (
        file("5 90 97 Aspirin A 1"),
        "document '5': line 3: got the mention 'Aspirin' (str) at 90 to 97, where the text reads '' (str), "
        "expected the same and not blank",
    ),
    "a mention from title to abstract": (
        "5|t|A b\n5|a|c\n5\t2\t5\tb c\tX\t1\n",
        "document '5': line 3: got a mention from 2 to 5, "
        "expected one within the title, which ends at 3, or within the abstract",
    ),
    "a mention without a type": (
        file("5 0 7 Aspirin"),
        "document '5': line 3: got the columns ['5', '0', '7', 'Aspirin'] (list), "
        "expected a mention: id, start, end, text, type, identifiers",
    ),
    "a mention with an empty type": (
        file("5 0 7 Aspirin  1"),
        "document '5': line 3: got an empty type, expected one such as Disease",
    ),
    "a start that is no number": (
        file("5 zero 7 Aspirin A 1"),
        "document '5': line 3: got the columns ['5', 'zero', '7', 'Aspirin', 'A', '1'] (list), "
        "expected a relation: id, relation, head identifier, tail identifier",
    ),
    "a relation with an unknown identifier": (
        file("5 0 7 Aspirin A 1", "5 CID 1 2"),
        "document '5': line 4: got the identifier '2', expected one that a mention carries",
    ),
    "an empty relation": (
        file("5 0 7 Aspirin A 1", "5  1 1"),
        "document '5': line 4: got an empty relation, expected a name such as CID",
    ),
    "bad UTF-8": (b"5|t|\xe9\n5|a|\n", "document 'line 1': got the byte 0xe9 at offset 4, expected UTF-8"),
}


@pytest.mark.parametrize(("content", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_document_is_reported(failure: Callable[..., str], content: str | bytes, message: str) -> None:
    assert failure(content) == f"file: {message}"


A = Mention(0, 0, 1, "Disease", "a")
UNWRITABLE = {
    "a bar in the title": (
        Document("a|t|", ()),
        "document 'a|t|': title: got 'a|t|' (str), expected no '|' in it, which separates fields in this format",
    ),
    "an identifier that would be two": (
        Document("x", (("a",),), (Entity((A,), "1|2"),)),
        "document 'x': entities: got the identifiers ['1|2'] (list) for a mention of type 'Disease', "
        "expected none with a separator, which would be read as others",
    ),
    "a relation that would be an offset": (
        Document("x", (("a",),), (Entity((A,), "1"),), (Relation(0, 0, "27"),)),
        "document 'x': relations[0].relation: got '27', "
        "expected a name that is not a number, as that would read as the start of a mention",
    ),
    "a blank mention": (
        Document("x", (("\u00a0",),), (Entity((A,), "1"),)),
        "document 'x': got a mention of white space only, expected one of words",
    ),
}


@pytest.mark.parametrize(("document", "message"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_what_the_format_cannot_store_is_reported(document: Document, message: str) -> None:
    with pytest.raises(DataError) as caught:
        list(encode([document], form="pubtator"))
    assert str(caught.value) == message
