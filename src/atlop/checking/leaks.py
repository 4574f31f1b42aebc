"""Dev documents that are also training documents: by title, by text, or as near-duplicates."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeAlias

from atlop.documents import Document
from atlop.errors import shown

SHINGLE = 5
"""Number of words in a shingle."""
NEAR = 0.5
"""The share of the shorter text's shingles that makes two texts near-duplicates."""

_Words: TypeAlias = tuple[str, ...]


def same_titles(train: Sequence[Document], dev: Sequence[Document]) -> Iterator[str]:
    """Yield the dev documents with the title of a training document."""
    titles = {document.title for document in train}
    return (shown(document.title) for document in dev if document.title in titles)


def same_texts(train: Sequence[Document], dev: Sequence[Document]) -> Iterator[str]:
    """Yield the dev documents with the words of a training document, ignoring case and the split into sentences."""
    titles = {_words(document): document.title for document in reversed(train)}
    for document in dev:
        if (title := titles.get(_words(document))) is not None:
            yield f"{shown(document.title)} is {shown(title)}"


def near_texts(train: Sequence[Document], dev: Sequence[Document]) -> Iterator[str]:
    """Yield the dev documents that share many shingles with a training document, without being the same text."""
    texts = list(map(_words, train))
    shingles = list(map(_shingles, texts))
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for place, parts in enumerate(shingles):
        for part in parts:
            holders[part].append(place)
    known = set(texts)
    for document in dev:
        words = _words(document)
        own = _shingles(words)
        shared = Counter(chain.from_iterable(holders.get(part, ()) for part in own))
        shares = {place: count / min(len(own), len(shingles[place])) for place, count in shared.items()}
        nearest = max(shares, key=shares.__getitem__, default=None)
        if nearest is not None and shares[nearest] >= NEAR and words not in known:
            yield f"{shown(document.title)} shares {shares[nearest]:.0%} with {shown(train[nearest].title)}"


def _words(document: Document) -> _Words:
    return tuple(word.casefold() for word in chain.from_iterable(document.sentences))


def _shingles(words: _Words) -> set[int]:
    """Return the hashes of all shingles; a text that is shorter than a shingle counts as one."""
    last = max(1, len(words) - SHINGLE + 1)
    return {hash(words[place : place + SHINGLE]) for place in range(last)} if words else set()
