"""Checks of one document: each function yields the places where something may be odd, with what was found there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TypeAlias

from atlop.documents import Document, Mention
from atlop.errors import shown

Span: TypeAlias = tuple[int, int, int]
"""Sentence, first word, word after the last."""

_NEVER_LAST = frozenset(",;:/\\|-–—")
"""Characters with which no name ends, where they are words by themselves."""
_NEVER_FIRST = frozenset(",;:/\\|!?…")
"""Characters with which no name begins, likewise; a minus may begin a number."""


def entities_without_type(document: Document) -> Iterator[str]:
    """Yield entities with a type that has neither a letter nor a digit, such as ``-``."""
    for e, entity in enumerate(document.entities):
        blank = sorted(kind for kind in entity.types if not any(map(str.isalnum, kind)))
        if blank:
            yield f"entities[{e}] {shown(entity.name)}: type {shown(blank[0])}"


def entities_of_several_types(document: Document) -> Iterator[str]:
    """Yield entities whose mentions differ in type."""
    for e, entity in enumerate(document.entities):
        if len(entity.types) > 1:
            yield f"entities[{e}] {shown(entity.name)}: types {', '.join(sorted(entity.types))}"


def repeated_mentions(document: Document) -> Iterator[str]:
    """Yield mentions that an entity has more than once."""
    for e, entity in enumerate(document.entities):
        for span, count in Counter(map(span_of, entity.mentions)).items():
            if count > 1:
                yield f"entities[{e}]: {text_of(document, span)} {count} times"


def mentions_of_several_entities(document: Document) -> Iterator[str]:
    """Yield spans that are mentions of more than one entity."""
    for span, owners in _owners(document).items():
        if len(owners) > 1:
            yield f"{text_of(document, span)} in entities {', '.join(map(str, owners))}"


def overlapping_mentions(document: Document) -> Iterator[str]:
    """Yield pairs of mentions that share a word but are not the same span."""
    spans = sorted(_owners(document))
    for place, span in enumerate(spans):
        for other in spans[place + 1 :]:
            if other[0] != span[0] or other[1] >= span[2]:
                break
            yield f"{text_of(document, span)} and {text_of(document, other)}"


def mentions_at_odd_boundaries(document: Document) -> Iterator[str]:
    """Yield mentions that begin or end with a blank or a separating mark, or inside a word of the raw text."""
    for span in _owners(document):
        words = document.sentences[span[0]][span[1] : span[2]]
        separated = not set(words[0]) - _NEVER_FIRST or not set(words[-1]) - _NEVER_LAST
        if separated or not words[0].strip() or not words[-1].strip() or _cuts_a_word(document, span):
            yield text_of(document, span)


def names_unlike_words(document: Document) -> Iterator[str]:
    """Yield mentions whose name differs from the words that they cover in more than white space."""
    for e, entity in enumerate(document.entities):
        for mention in entity.mentions:
            words = document.sentences[mention.sentence][mention.start : mention.end]
            if "".join(mention.name.split()) != "".join("".join(words).split()):
                yield f"entities[{e}]: name {shown(mention.name)}, words {text_of(document, span_of(mention))}"


def names_of_several_entities(document: Document) -> Iterator[str]:
    """Yield names that several entities of one type share, in different places; they may be one entity."""
    owners: defaultdict[tuple[str, str], dict[int, None]] = defaultdict(dict)
    shared = {span for span, entities in _owners(document).items() if len(entities) > 1}
    for e, entity in enumerate(document.entities):
        for mention in entity.mentions:
            if mention.name.strip() and span_of(mention) not in shared:
                owners[mention.name, mention.type][e] = None
    for (name, kind), entities in owners.items():
        if len(entities) > 1:
            yield f"{shown(name)} ({kind}) in entities {', '.join(map(str, entities))}"


def relations_with_itself(document: Document) -> Iterator[str]:
    """Yield relations of an entity with itself."""
    for r, relation in enumerate(document.relations):
        if relation.head == relation.tail:
            yield f"relations[{r}]: {relation.relation} of {shown(document.entities[relation.head].name)}"


def relations_without_evidence(document: Document) -> Iterator[str]:
    """Yield relations whose evidence is empty or unknown."""
    for r, relation in enumerate(document.relations):
        if not relation.evidence:
            yield f"relations[{r}]: {named(document, r)}"


def relations_outside_candidates(document: Document) -> Iterator[str]:
    """Yield relations of pairs that are not among the candidates, which are neither trained on nor scored."""
    listed = None if document.candidates is None else set(document.candidates)
    for r, relation in enumerate(document.relations):
        if listed is not None and (relation.head, relation.tail) not in listed:
            yield f"relations[{r}]: {named(document, r)}"


def fewer_than_two_entities(document: Document) -> Iterator[str]:
    """Yield the number of entities of a document that has no pair."""
    if len(document.entities) < 2:
        yield f"entities: {len(document.entities)}"


def no_relations(document: Document) -> Iterator[str]:
    """Yield the number of entities of a document without relations."""
    if not document.relations:
        yield f"entities: {len(document.entities)}"


def named(document: Document, relation: int) -> str:
    """Return a relation as its head, name and tail."""
    fact = document.relations[relation]
    head, tail = (shown(document.entities[entity].name) for entity in (fact.head, fact.tail))
    return f"{head} {fact.relation} {tail}"


def span_of(mention: Mention) -> Span:
    """Return the span of a mention."""
    return mention.sentence, mention.start, mention.end


def text_of(document: Document, span: Span) -> str:
    """Return the words of a span and where they are."""
    sentence, start, end = span
    return f"{shown(' '.join(document.sentences[sentence][start:end]))} (sentence {sentence}, word {start})"


def _owners(document: Document) -> dict[Span, dict[int, None]]:
    """Return the entities that each span belongs to."""
    owners: defaultdict[Span, dict[int, None]] = defaultdict(dict)
    for e, entity in enumerate(document.entities):
        for mention in entity.mentions:
            owners[span_of(mention)][e] = None
    return owners


def _cuts_a_word(document: Document, span: Span) -> bool:
    """Return whether a mention begins or ends between two letters or digits of the raw text."""
    if document.text is None or document.offsets is None:
        return False
    text, offsets = document.text, document.offsets[span[0]]
    bounds = (offsets[span[1]], offsets[span[2] - 1] + len(document.sentences[span[0]][span[2] - 1]))
    return any(text[bound - 1 : bound].isalnum() and text[bound : bound + 1].isalnum() for bound in bounds)
