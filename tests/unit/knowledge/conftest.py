"""Documents with raw text, and random ones whose entities share names."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from atlop.documents import Document, Entity, Mention, Relation

MakeDocument = Callable[..., Document]


@pytest.fixture(scope="session")
def make_document() -> MakeDocument:
    """Make a document of a sentence for each entity, which is its name and ``here .``.

    An entity is (type, name) or (type, name, identifier) and may have more names, joined by ``|``; each is a mention in
    a sentence of its own. With ``raw`` the document has raw text.
    """

    def make(title: str, *named: Sequence[str], relations: Sequence[Relation] = (), raw: bool = False) -> Document:
        sentences: list[tuple[str, ...]] = []
        entities = []
        for kind, names, *identifier in named:
            mentions = []
            for name in names.split("|"):
                words = tuple(name.split(" "))
                mentions.append(Mention(len(sentences), 0, len(words), kind, name))
                sentences.append((*words, "here", "."))
            entities.append(Entity(tuple(mentions), *identifier))
        text, offsets = _text(sentences) if raw else (None, None)
        return Document(title, tuple(sentences), tuple(entities), tuple(relations), text=text, offsets=offsets)

    return make


def _text(sentences: Sequence[Sequence[str]]) -> tuple[str, tuple[tuple[int, ...], ...]]:
    text, offsets = "", []
    for words in sentences:
        row = []
        for word in words:
            row.append(len(text))
            text += f"{word} "
        offsets.append(tuple(row))
    return text, tuple(offsets)


@pytest.fixture(scope="session")
def random_document(make_document: MakeDocument) -> Callable[[int], Document]:
    """Make the document of a number: always the same, with names that other documents have too."""
    names = ["Ada Lovelace|Ada", "Lovelace", "London", "Londinium|London", "London town|London", "12 May 1840", "May"]
    kinds = ["PER", "PER", "LOC", "LOC", "LOC", "TIME", "TIME"]

    def make(number: int) -> Document:
        chance = random.Random(number)
        chosen = chance.choices(range(len(names)), k=5)
        facts = {(chance.randrange(5), chance.randrange(5), chance.choice(["P27", "works for"])) for _ in range(4)}
        relations = [
            Relation(*fact, evidence=chance.choice([None, (), (0, 1)]), confidence=chance.choice([None, 0.25, 1]))
            for fact in sorted(facts)
        ]
        named = [(kinds[i], names[i]) for i in chosen]
        return make_document(f"Document {number}", *named, relations=relations, raw=number % 2 == 0)

    return make


@pytest.fixture(scope="session")
def two_documents(make_document: MakeDocument) -> list[Document]:
    """Ada Lovelace in two documents, both of which say that she is of the United Kingdom; one has raw text."""
    first = make_document(
        "Ada",
        ("PER", "Ada Lovelace|Lovelace"),
        ("LOC", "United Kingdom"),
        ("LOC", "London"),
        relations=[
            Relation(0, 1, "P27", (0, 2), 0.75, "country of citizenship"),
            Relation(2, 1, "P17", None, 0.5, "country"),
        ],
        raw=True,
    )
    second = make_document(
        "Engine",
        ("PER", "Ada Lovelace"),
        ("LOC", "the United Kingdom"),
        ("MISC", "Analytical Engine"),
        relations=[Relation(0, 1, "P27", (), None), Relation(0, 2, "wrote about", (2,), 0.875)],
    )
    return [first, second]
