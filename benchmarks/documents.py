"""The documents of the benchmarks: those of Re-DocRED dev, and longer ones made from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, chain, cycle, islice
from pathlib import Path

from atlop import Document, Entity, Mention, read
from atlop.errors import DataError

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "redocred" / "dev.json"
"""The default file of the Re-DocRED dev documents."""


def documents(count: int | None = None, path: Path = DATA) -> list[Document]:
    """Read the first documents of Re-DocRED dev, or all.

    Raises:
        DataError: if there is no such file.
    """
    if not path.exists():
        raise DataError(
            "no such file, expected the Re-DocRED dev documents; pass their file with --data", file=str(path)
        )
    return read(path)[:count]


def joined(parts: Sequence[Document], title: str) -> Document:
    """Join the texts of several documents into one, with the entities of all."""
    starts = accumulate((len(part.sentences) for part in parts), initial=0)
    entities = [_moved(entity, start) for part, start in zip(parts, starts, strict=False) for entity in part.entities]
    return Document(title, tuple(chain.from_iterable(part.sentences for part in parts)), tuple(entities))


def _moved(entity: Entity, sentences: int) -> Entity:
    moved = [replace(mention, sentence=mention.sentence + sentences) for mention in entity.mentions]
    return replace(entity, mentions=tuple(moved))


def crowded(corpus: Sequence[Document], counts: Sequence[int]) -> dict[int, Document]:
    """Return, for each count, the same text with its first entities marked, as many as the count.

    The text is as many documents as the largest count needs, so it does not grow with the entities.

    Raises:
        DataError: if the corpus has too few entities.
    """
    totals = list(accumulate(len(document.entities) for document in corpus))
    needed = next((number for number, total in enumerate(totals, 1) if total >= max(counts)), None)
    if needed is None:
        raise DataError(f"got {totals[-1] if totals else 0} entities in all documents, expected {max(counts)} or more")
    text = joined(corpus[:needed], "Joined")
    return {count: replace(text, title=f"{count} entities", entities=text.entities[:count]) for count in counts}


def long_text(corpus: Sequence[Document], words: int, *, entities: int) -> Document:
    """Return a document of exactly ``words`` words, with entities of one word each spread evenly over it.

    Raises:
        DataError: if the corpus has too few words.
    """
    sentences, rest = [], words
    for sentence in chain.from_iterable(document.sentences for document in corpus):
        sentences.append(sentence[:rest])
        rest -= len(sentences[-1])
        if not rest:
            break
    if rest:
        raise DataError(f"got {words - rest} words in all documents, expected {words} or more")
    places = [(s, w) for s, sentence in enumerate(sentences) for w in range(len(sentence))]
    chosen = [places[number * words // entities] for number in range(entities)]
    marked = [Entity((Mention(s, w, w + 1, "MISC", sentences[s][w]),)) for s, w in chosen]
    return Document(f"{words} words", tuple(sentences), tuple(marked))


def repeated(corpus: Sequence[Document], count: int) -> Iterator[Document]:
    """Yield ``count`` documents: those of a corpus repeated under new titles, without their relations."""
    for number, document in enumerate(islice(cycle(corpus), count)):
        yield replace(document, title=f"{document.title} ({number})", relations=())
