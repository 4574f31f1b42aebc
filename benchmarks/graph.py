"""A graph of many facts: time to load, size on disk, time of the three queries and of adding and removing a document.

    python -m benchmarks.graph --facts 100000 --json

The documents are synthetic, in the proportions of Re-DocRED: 20 entities with 27 mentions, 35 facts and 8 sentences of
24 words a document. Names are drawn by Zipf's law from as many as a corpus of that size has, so that some entities have
thousands of facts and most have few. ``--merged 100`` prints a random sample of merged entities of the Re-DocRED dev
documents instead, to judge by eye.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from atlop import Document, Entity, Mention, Relation
from atlop.knowledge import Cluster, Graph
from atlop.knowledge.queries import entities_named, facts_about, facts_of, shortest_path
from atlop.knowledge.store import GraphStore, changing, opened
from benchmarks.documents import documents
from benchmarks.measure import memory_mb, seconds
from benchmarks.report import arguments, report

FACTS, ENTITIES, SENTENCES, WORDS, RELATIONS = 35, 20, 8, 24, 96
"""Facts, entities and sentences of a document, words of a sentence, and different relations in the corpus."""

NAMES = 25
"""Different names in the corpus per document."""

TYPES = ("LOC", "LOC", "ORG", "PER", "MISC", "TIME")


def synthetic(count: int, *, seed: int = 0) -> Iterator[Document]:
    """Yield documents."""
    chance = random.Random(seed)
    names = [_name(number) for number in range(NAMES * count)]
    weights = list(accumulate(1 / rank**0.9 for rank in range(1, len(names) + 1)))
    relations = list(accumulate(1 / rank for rank in range(1, RELATIONS + 1)))
    for number in range(count):
        chosen = list(dict.fromkeys(chance.choices(range(len(names)), cum_weights=weights, k=ENTITIES)))
        yield _document(f"Document {number}", [(names[i], TYPES[i % len(TYPES)]) for i in chosen], relations, chance)


def _name(number: int) -> str:
    return f"Name{number} Family{number % 997} {1000 + number % 900}"


def _document(
    title: str, named: Sequence[tuple[str, str]], relations: Sequence[float], chance: random.Random
) -> Document:
    sentences: list[list[str]] = [["word"] * WORDS for _ in range(SENTENCES)]
    entities = []
    for place, (name, kind) in enumerate(named):
        words = name.split()
        spots = [(place % SENTENCES, place // SENTENCES * 6)] + [((place + 3) % SENTENCES, 20)] * (place % 3 == 0)
        for sentence, start in spots:
            sentences[sentence][start : start + len(words)] = words
        entities.append(
            Entity(tuple(Mention(sentence, start, start + len(words), kind, name) for sentence, start in spots))
        )
    pairs = (chance.sample(range(len(named)), 2) for _ in range(FACTS))
    facts = {(head, tail, _relation(relations, chance)) for head, tail in pairs}
    stated = tuple(
        Relation(head, tail, name, evidence=(chance.randrange(SENTENCES),), confidence=round(chance.random(), 3))
        for head, tail, name in sorted(facts)
    )
    return _with_text(title, sentences, tuple(entities), stated)


def _relation(weights: Sequence[float], chance: random.Random) -> str:
    return f"P{chance.choices(range(1, RELATIONS + 1), cum_weights=weights)[0]}"


def _with_text(
    title: str, sentences: Sequence[Sequence[str]], entities: tuple[Entity, ...], relations: tuple[Relation, ...]
) -> Document:
    """Join the words by spaces, as the raw text."""
    offsets, at = [], 0
    for words in sentences:
        starts = list(accumulate((len(word) + 1 for word in words), initial=at))
        offsets.append(tuple(starts[:-1]))
        at = starts[-1]
    text = " ".join(word for words in sentences for word in words)
    return Document(title, tuple(map(tuple, sentences)), entities, relations, text=text, offsets=tuple(offsets))


def load(folder: Path, corpus: Sequence[Document]) -> None:
    """Add documents to a new graph."""
    with changing(folder) as changes:
        for document in corpus:
            changes.add(document)


def size_mb(folder: Path) -> float:
    """Return the size of a folder in MB of a million bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def queries(graph: GraphStore, corpus: Sequence[Document], *, runs: int) -> dict[str, dict[str, float]]:
    """Time each query on entities and relations from everywhere in the corpus, and on the most frequent ones."""
    database, chance = graph.database, random.Random(1)
    drawn = [chance.choice(chance.choice(corpus).entities).name for _ in range(2 * runs)]
    hub = _name(0)

    def about(name: str) -> object:
        return [facts_about(database, entity) for entity in entities_named(database, name)]

    def path(start: str, end: str) -> object:
        ends = entities_named(database, start)[:1], entities_named(database, end)[:1]
        return shortest_path(database, graph.neighbours, *ends)

    named = [f"P{chance.randint(1, RELATIONS)}" for _ in range(runs)]
    return {
        "entity": _times([partial(about, name) for name in drawn[:runs]]),
        "entity_most_frequent": _times([partial(about, hub)] * runs),
        "relation": _times([partial(facts_of, database, name) for name in named]),
        "relation_most_frequent": _times([partial(facts_of, database, "P1")] * runs),
        "path": _times([partial(path, *pair) for pair in zip(drawn[:runs], drawn[runs:], strict=True)]),
        "path_from_most_frequent": _times([partial(path, hub, name) for name in drawn[:runs]]),
    }


def _times(works: Sequence[Callable[[], object]]) -> dict[str, float]:
    """Return the median and the slowest of several calls in milliseconds, after one that does not count.

    On a machine that does other work too, the time on the processor says more than the time that passed.
    """
    works[0]()
    started = time.process_time()
    found = [seconds(work) * 1000 for work in works]
    mean = (time.process_time() - started) / len(works) * 1000
    return {
        "median_ms": round(statistics.median(found), 1),
        "slowest_ms": round(max(found), 1),
        "mean_processor_ms": round(mean, 1),
    }


def compare(corpus: Sequence[Document], *, runs: int) -> dict[str, Any]:
    """Load a graph, query it, and add and remove one more document."""
    *most, last = corpus
    used = time.process_time()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "graph"
        loaded = seconds(lambda: load(folder, most))
        used = time.process_time() - used
        before = _content(folder)
        added = seconds(lambda: load(folder, [last]))
        removed = seconds(lambda: _remove(folder, last.title))
        with opened(folder) as graph:
            return {
                "documents": len(most),
                "statements": sum(len(document.relations) for document in most),
                "quads": len(graph.database),
                "load_seconds": round(loaded, 1),
                "load_processor_seconds": round(used, 1),
                "size_mb": round(size_mb(folder), 1),
                "add_one_seconds": round(added, 2),
                "remove_one_seconds": round(removed, 2),
                "removed_without_trace": before == _content(folder),
                "queries": queries(graph, most, runs=runs),
                "peak_memory_mb": memory_mb("VmHWM"),
            }


def _content(folder: Path) -> int:
    """Return a sum of all quads that does not depend on their order."""
    with opened(folder) as graph:
        return sum(hash(quad) for quad in graph.database)


def _remove(folder: Path, title: str) -> None:
    with changing(folder) as changes:
        changes.remove(title)


def merged(corpus: Sequence[Document], count: int) -> Iterator[str]:
    """Yield a line for each of some random entities that several documents share, and up to three of its sentences."""
    graph = Graph.of_documents(corpus)
    clusters: defaultdict[str, list[Cluster]] = defaultdict(list)
    for source in graph.sources:
        for cluster in source.clusters:
            clusters[graph.node_of[source.title, cluster.index]].append(cluster)
    shared = [node for node in graph.nodes if len({cluster.document for cluster in clusters[node.id]}) > 1]
    texts = {document.title: document for document in corpus}
    chance = random.Random(0)
    for node in chance.sample(shared, min(count, len(shared))):
        yield f"{node.label} ({node.type}), {len(clusters[node.id])} clusters, names: {', '.join(node.names)}"
        for cluster in chance.sample(clusters[node.id], min(3, len(clusters[node.id]))):
            sentence = " ".join(texts[cluster.document].sentences[cluster.mentions[0].sentence])
            yield f"    {cluster.document}: {sentence}"


def parser() -> argparse.ArgumentParser:
    """Return the options of this benchmark."""
    options = arguments(__doc__)
    options.add_argument("--facts", type=int, default=100_000)
    options.add_argument("--runs", type=int, default=50, help="calls of each query")
    options.add_argument(
        "--merged", type=int, metavar="COUNT", help="print merged entities to judge, and measure nothing"
    )
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    if asked.merged:
        sys.stdout.writelines(f"{line}\n" for line in merged(documents(path=asked.data), asked.merged))
    else:
        report("graph", compare(list(synthetic(asked.facts // (FACTS - 1) + 1)), runs=asked.runs), asked)


if __name__ == "__main__":
    main()
