"""Dev documents that are also training documents: by title, by text, or as near-duplicates."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
    """Yield the dev documents that share many shingles with a training document, without being the same text.

    Of several that are equally near, the first is named. Nothing is kept of the training documents, which may be many.
    """
    texts = list(map(_words, dev))
    shingles = list(map(_shingles, texts))
    group_of, groups = _grouped(shingles)
    known, same, nearest = set(texts), set[_Words](), [(0.0, "")] * len(texts)
    for document in train:
        words = _words(document)
        parts = _shingles(words)
        same |= {words} & known
        for place, count in _shared(parts, group_of, groups).items():
            share = count / min(len(parts), len(shingles[place]))
            if share > nearest[place][0]:
                nearest[place] = share, document.title
    for document, words, (share, title) in zip(dev, texts, nearest, strict=True):
        if share >= NEAR and words not in same:
            yield f"{shown(document.title)} shares {share:.0%} with {shown(title)}"


def _grouped(shingles: Sequence[set[int]]) -> tuple[dict[int, int], list[tuple[int, ...]]]:
    """Return the group of each shingle, and for each group the texts that hold its shingles, which are the same."""
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for place, parts in enumerate(shingles):
        for part in parts:
            holders[part].append(place)
    groups: dict[tuple[int, ...], int] = {}
    group_of = {part: groups.setdefault(tuple(places), len(groups)) for part, places in holders.items()}
    return group_of, list(groups)


def _shared(parts: set[int], group_of: Mapping[int, int], groups: Sequence[Sequence[int]]) -> Counter[int]:
    """Count the shingles that a text shares with each of the grouped texts."""
    shared = Counter[int]()
    # Shingles of one group, such as those of a phrase that all texts have, are counted together.
    for group, count in Counter(group_of[part] for part in parts if part in group_of).items():
        for place in groups[group]:
            shared[place] += count
    return shared


def _words(document: Document) -> _Words:
    return tuple(word.casefold() for word in chain.from_iterable(document.sentences))


def _shingles(words: _Words) -> set[int]:
    """Return the hashes of all shingles; a text that is shorter than a shingle counts as one."""
    last = max(1, len(words) - SHINGLE + 1)
    return {hash(words[place : place + SHINGLE]) for place in range(last)} if words else set()
