"""Tags to mentions, and scores of names to entities.

G is the number of tags of :func:`atlop.targets.mention_tags`. The other letters of shapes are those of
:mod:`atlop.model`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from atlop.documents import Document, Entity, Mention
from atlop.names import names_of, words_of

LEAST_LINK = 0.05
"""Probability below which two names are not compared any further."""


def word_tags(logits: NDArray[np.float32], words: NDArray[np.int64], lengths: Sequence[int]) -> NDArray[np.int64]:
    """Return the best tags of the words of a document; 0 for a word that was cut off or has no subword.

    Args:
        logits: of every subword, [L, G].
        words: the word of each subword, -1 for none, [L].
        lengths: the number of words of each sentence.
    """
    starts = np.flatnonzero(words != np.concatenate([[-2], words[:-1]]))
    starts = starts[words[starts] >= 0]
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    place = np.concatenate([np.zeros(0, dtype=np.int64), *map(np.arange, lengths)])
    scores = np.full((len(lengths), max(lengths, default=0), logits.shape[1]), -np.inf, dtype=np.float32)
    scores[:, :, 0] = 0
    scores[sentence[words[starts]], place[words[starts]]] = logits[starts]
    tags: NDArray[np.int64] = best_path(scores)[sentence, place]
    return tags


def best_path(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the highest-scoring tags in which every mention has a beginning, [T, W], by the Viterbi algorithm.

    Args:
        scores: of the tags of W words in each of T sentences, [T, W, G].
    """
    sentences, words, tags = scores.shape
    inside = np.arange(2, tags, 2)
    total, came_from = np.zeros((sentences, tags), dtype=np.float32), []
    total[:, inside - 1] = total[:, inside] = -np.inf  # outside of any mention before the first word
    for word in range(words):
        # Any tag may follow any other, except that an inside tag must follow a tag of the same type.
        before = np.repeat(total.argmax(1)[:, None], tags, 1)
        before[:, inside] = np.where(total[:, inside - 1] > total[:, inside], inside - 1, inside)
        total = np.take_along_axis(total, before, 1) + scores[:, word]
        came_from.append(before)
    path = [total.argmax(1)]
    for before in came_from[:0:-1]:
        path.append(np.take_along_axis(before, path[-1][:, None], 1)[:, 0])
    return np.stack(path[::-1], 1)[:, :words]


def mentions_of(document: Document, tags: NDArray[np.int64], types: Sequence[str]) -> list[Mention]:
    """Return the mentions that the tags of words mark, in the order of the document.

    Mentions that read the same get the type that most of them have.

    Args:
        document: the document; its entities are ignored.
        tags: the tag of each word.
        types: the entity types, numbered from 1.
    """
    bounds = pairwise(accumulate(map(len, document.sentences), initial=0))
    found = [
        Mention(sentence, start, end, types[kind - 1], text_of(document, sentence, start, end))
        for sentence, (first, last) in enumerate(bounds)
        for start, end, kind in _spans(tags[first:last].tolist())
    ]
    return list(_agreeing(document, found))


def _agreeing(document: Document, mentions: Sequence[Mention]) -> Iterator[Mention]:
    types: dict[str, Counter[str]] = defaultdict(Counter)
    texts = [words_of(document, mention).casefold() for mention in mentions]
    for text, mention in zip(texts, mentions, strict=True):
        types[text][mention.type] += 1
    for text, mention in zip(texts, mentions, strict=True):
        yield replace(mention, type=types[text].most_common(1)[0][0])


def _spans(tags: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and type of the mentions of a sentence; an inside tag that continues none begins one."""
    start, open_type = 0, 0
    for place, tag in enumerate([*tags, 0]):
        kind = (tag + 1) // 2
        if tag and tag % 2 == 0 and kind == open_type:
            continue
        if open_type:
            yield start, place, open_type
        start, open_type = place, kind


def text_of(document: Document, sentence: int, start: int, end: int) -> str:
    """Return the text of some words of a sentence: as in the raw text if there is one, else joined by spaces."""
    if document.text is None or document.offsets is None:
        return " ".join(document.sentences[sentence][start:end])
    last, offsets = end - 1, document.offsets[sentence]
    return document.text[offsets[start] : offsets[last] + len(document.sentences[sentence][last])]


def cluster(count: int, pairs: NDArray[np.int64], scores: NDArray[np.float32], *, offset: float = 0.0) -> list[int]:
    """Return the cluster of each of ``count`` names, by average linkage.

    Args:
        count: how many names there are.
        pairs: pairs of names that may belong together, [Y, 2].
        scores: above 0 where they do, [Y].
        offset: added to the scores.
    """
    # The sigmoid in terms of tanh, which does not overflow.
    links = np.tanh((scores.astype(np.float64) + offset) / 2) / 2 + 0.5
    near = links >= LEAST_LINK
    graph = coo_array((links[near], tuple(pairs[near].T)), shape=(count, count)).tocsr()
    _, component = connected_components(graph, directed=False)
    clusters, following = np.zeros(count, dtype=np.int64), 0
    for members in _groups(component):
        found = _linked(graph[members][:, members].toarray()) if len(members) > 1 else np.zeros(1, dtype=np.int64)
        clusters[members] = following + found
        following += int(found.max()) + 1
    return list(clusters.tolist())


def _groups(component: NDArray[np.int32]) -> list[NDArray[np.int64]]:
    order = np.argsort(component, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(component[order])) + 1) if len(order) else []


def _linked(links: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the cluster of each of a few names from their links, of which one triangle is given."""
    distances = 1 - (links + links.T)[np.triu_indices(len(links), 1)]
    found: NDArray[np.int64] = fcluster(linkage(distances, "average"), 0.5, "distance").astype(np.int64) - 1
    return found


def entities_of(document: Document, clusters: Sequence[int]) -> tuple[Entity, ...]:
    """Return the entities of a document, in the order of their first mentions.

    Args:
        document: a document whose mentions are marked, however they are grouped into entities.
        clusters: the cluster of each of its names.
    """
    gathered: dict[int, list[Mention]] = {}
    for name, number in zip(names_of(document), clusters, strict=True):
        gathered.setdefault(number, []).extend(name.mentions)
    return tuple(Entity(tuple(sorted(mentions, key=_place))) for mentions in gathered.values())


def _place(mention: Mention) -> tuple[int, int]:
    return mention.sentence, mention.start
