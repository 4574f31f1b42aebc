"""The report of all checks on a file of documents, and on dev documents beside it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from atlop.checking import annotation, leaks
from atlop.documents import Document
from atlop.errors import shown

EXAMPLES = 5
"""Number of places that a finding keeps."""

_Check: TypeAlias = Callable[[Document], Iterator[str]]
_Names: TypeAlias = Callable[[Sequence[Document]], Counter[str]]

_IN_A_DOCUMENT: Mapping[str, _Check] = {
    "fewer than two entities": annotation.fewer_than_two_entities,
    "no relations": annotation.no_relations,
    "entities without a type": annotation.entities_without_type,
    "entities of several types": annotation.entities_of_several_types,
    "names of several entities": annotation.names_of_several_entities,
    "mentions repeated in an entity": annotation.repeated_mentions,
    "mentions of several entities": annotation.mentions_of_several_entities,
    "overlapping mentions": annotation.overlapping_mentions,
    "mentions at odd boundaries": annotation.mentions_at_odd_boundaries,
    "names that differ from their words": annotation.names_unlike_words,
    "relations of an entity with itself": annotation.relations_with_itself,
    "relations without evidence": annotation.relations_without_evidence,
    "relations outside the candidates": annotation.relations_outside_candidates,
}
"""The checks of each document, by what they find."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd, and where it is."""

    what: str
    """What was found, such as ``overlapping mentions``."""
    count: int
    """How often."""
    examples: tuple[str, ...]
    """The first places, at most :data:`EXAMPLES`."""

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a JSON object."""
        return {"what": self.what, "count": self.count, "examples": list(self.examples)}


@dataclass(frozen=True, slots=True)
class Report:
    """What a file of documents contains, and what is odd in it."""

    counts: Mapping[str, int]
    """The number of documents, sentences, words, mentions, entities and relations."""
    types: Mapping[str, int]
    """The number of entities of each type, most frequent first."""
    relations: Mapping[str, int]
    """The number of facts of each relation, most frequent first."""
    findings: tuple[Finding, ...]
    """What is odd; empty if nothing is."""

    def to_json(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
        found = [finding.to_json() for finding in self.findings]
        return {**self.counts, "types": dict(self.types), "labels": dict(self.relations), "findings": found}


def check(
    documents: Iterable[Document], *, dev: Iterable[Document] | None = None, malformed: Sequence[str] = ()
) -> Report:
    """Report what is in annotated documents and what is odd about them; anything odd may be intended.

    Relations without evidence are odd only if others in the file have some; so are documents without relations.

    Args:
        documents: the documents.
        dev: dev documents, to look for among ``documents``.
        malformed: errors of documents that could not be read, which are a finding as well.
    """
    documents = list(documents)
    places: dict[str, Iterable[str]] = {"malformed documents": malformed}
    places |= {
        "documents with the same title": _repeated_titles(documents),
        "documents with the same text": _repeated_texts(documents),
        **{what: _everywhere(documents, find) for what, find in _checks(documents).items()},
        "type pairs of a relation that occur once": _single_type_pairs(documents),
    }
    if dev is not None:
        places |= _dev_checks(documents, list(dev))
    findings = (_finding(what, found) for what, found in places.items())
    types, relations = (dict(names(documents).most_common()) for names in (_types, _relations))
    odd = tuple(finding for finding in findings if finding.count)
    return Report(_counts(documents), types, relations, odd)


def _finding(what: str, places: Iterable[str]) -> Finding:
    found = list(places)
    return Finding(what, len(found), tuple(found[:EXAMPLES]))


def _counts(documents: Sequence[Document]) -> dict[str, int]:
    return {
        "documents": len(documents),
        "sentences": sum(len(document.sentences) for document in documents),
        "words": sum(len(words) for document in documents for words in document.sentences),
        "entities": sum(len(document.entities) for document in documents),
        "mentions": sum(len(entity.mentions) for document in documents for entity in document.entities),
        "relations": sum(len(document.relations) for document in documents),
    }


def _checks(documents: Sequence[Document]) -> dict[str, _Check]:
    """Return the checks that make sense for a file; what a format does not store is missing everywhere."""
    checks = dict(_IN_A_DOCUMENT)
    if not any(relation.evidence for document in documents for relation in document.relations):
        del checks["relations without evidence"]
    if not any(document.relations for document in documents):
        del checks["no relations"]
    return checks


def _everywhere(documents: Sequence[Document], find: _Check) -> Iterator[str]:
    return (f"{shown(document.title)}: {place}" for document in documents for place in find(document))


def _repeated_titles(documents: Sequence[Document]) -> Iterator[str]:
    counts = Counter(document.title for document in documents)
    return (f"{shown(title)} {count} times" for title, count in counts.items() if count > 1)


def _repeated_texts(documents: Sequence[Document]) -> Iterator[str]:
    titles: defaultdict[tuple[tuple[str, ...], ...], list[str]] = defaultdict(list)
    for document in documents:
        titles[document.sentences].append(document.title)
    return (", ".join(map(shown, same)) for same in titles.values() if len(same) > 1)


def _single_type_pairs(documents: Sequence[Document]) -> Iterator[str]:
    """Yield the facts that are the only ones of their relation with their types of head and tail."""
    facts: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for document in documents:
        for r, relation in enumerate(document.relations):
            head, tail = document.entities[relation.head].type, document.entities[relation.tail].type
            facts[relation.relation, head, tail].append(f"{shown(document.title)}: {annotation.named(document, r)}")
    for (relation_name, head, tail), places in facts.items():
        if len(places) == 1:
            yield f"{relation_name} of {head} and {tail}: {places[0]}"


def _dev_checks(train: Sequence[Document], dev: Sequence[Document]) -> dict[str, Iterable[str]]:
    return {
        "dev documents with a training title": leaks.same_titles(train, dev),
        "dev documents with a training text": leaks.same_texts(train, dev),
        "dev documents that nearly repeat a training text": leaks.near_texts(train, dev),
        "relations only in dev": _only_in(dev, train, _relations),
        "entity types only in dev": _only_in(dev, train, _types),
    }


def _only_in(dev: Sequence[Document], train: Sequence[Document], names: _Names) -> Iterator[str]:
    known = names(train)
    return (f"{shown(name)} ({count:,})" for name, count in names(dev).most_common() if name not in known)


def _types(documents: Sequence[Document]) -> Counter[str]:
    return Counter(entity.type for document in documents for entity in document.entities)


def _relations(documents: Sequence[Document]) -> Counter[str]:
    return Counter(relation.relation for document in documents for relation in document.relations)
