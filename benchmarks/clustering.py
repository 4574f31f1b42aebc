"""How well strings alone group the gold mentions of documents into entities.

    python -m benchmarks.clustering --data FILE

For each rule: precision, recall and F1 of the clusters, and the strict and the soft recall of the relations that remain
possible, which a perfect relation model would reach on these clusters.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from atlop import Document, Entity, Mention
from atlop.clustering import cluster_by_string
from atlop.evaluation import EndToEndScores, evaluate_end_to_end
from benchmarks.documents import DATA, documents

Rule = Callable[[Sequence[Mention]], list[tuple[int, ...]]]


def _untyped(mentions: Sequence[Mention]) -> list[tuple[int, ...]]:
    return cluster_by_string([replace(mention, type="any") for mention in mentions], variants=False)


RULES: dict[str, Rule] = {
    "equal strings": _untyped,
    "and equal types": lambda mentions: cluster_by_string(mentions, variants=False),
    "and name parts, acronyms": cluster_by_string,
}


def score(gold: Iterable[Document], rule: Rule) -> EndToEndScores:
    """Score the clusters of a rule, with the gold relations between them."""
    gold = list(gold)
    return evaluate_end_to_end(gold, [clustered(document, rule) for document in gold])


def clustered(document: Document, rule: Rule) -> Document:
    """Return a document with mentions grouped by a rule; facts go to the clusters of their entities' first mentions."""
    mentions = _mentions(document)
    clusters = rule(list(mentions.values()))
    spans, owners = list(mentions), {}
    for place, cluster in enumerate(clusters):
        owners.update({spans[index]: place for index in cluster})
    entities = tuple(Entity(tuple(mentions[spans[index]] for index in cluster)) for cluster in clusters)
    first = [owners[_span(entity.mentions[0])] for entity in document.entities]
    moved = (replace(fact, head=first[fact.head], tail=first[fact.tail]) for fact in document.relations)
    relations = tuple({fact.fact: fact for fact in moved}.values())
    return replace(document, entities=entities, relations=relations, candidates=None)


def _mentions(document: Document) -> dict[tuple[int, int, int], Mention]:
    """Return the distinct mentions by span, each with the words that it covers as its name."""
    found: dict[tuple[int, int, int], Mention] = {}
    for entity in document.entities:
        for mention in entity.mentions:
            words = document.sentences[mention.sentence][mention.start : mention.end]
            found.setdefault(_span(mention), replace(mention, name=" ".join(words)))
    return found


def _span(mention: Mention) -> tuple[int, int, int]:
    return mention.sentence, mention.start, mention.end


def main() -> None:
    """Score each rule and print a table in Markdown."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=DATA, help="documents with their entities and relations")
    gold = documents(path=options.parse_args().data)
    print("| Rule | Precision | Recall | Cluster F1 | Strict recall | Soft recall |")
    print("|---|---|---|---|---|---|")
    for name, rule in RULES.items():
        found = score(gold, rule)
        clusters = found.coreference
        shares = [clusters.precision, clusters.recall, clusters.f1, found.relation_strict.recall]
        print("|", " | ".join([name, *(f"{100 * share:.1f}" for share in [*shares, found.relation_soft.recall])]), "|")


if __name__ == "__main__":
    main()
