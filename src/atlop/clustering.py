"""Grouping mentions into entities by their names alone: the baseline that a learned clustering has to beat."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from atlop.documents import Mention

PERSON_TYPES = frozenset({"PER", "PERSON"})
"""Entity types whose names are shortened to some of their words, such as a family name."""

_Words: TypeAlias = tuple[str, ...]
_Name: TypeAlias = tuple[str, _Words]
"""The type of a mention and the words of its name."""


def cluster_by_string(mentions: Sequence[Mention], *, variants: bool = True) -> list[tuple[int, ...]]:
    """Group the mentions of one document into entities.

    Mentions of the same type whose names have the same words are one entity. With ``variants``, these are as well:

    * a person and the first person in the text whose name has the same words in the same order, and more,
      such as Gibb and Barry Gibb;
    * an acronym, which is two or more capitals with or without full stops, and the first name of its type in the text
      that has these initials, of all its words or of the capitalized ones, such as MLB and Major League Baseball.

    A mention without a name is an entity of its own.

    Args:
        mentions: the mentions, in any order.
        variants: whether shorter names of persons and acronyms join the names that they stand for.

    Returns:
        The indices of the mentions of each entity; entities and indices are in the order of the text.
    """
    order = sorted(range(len(mentions)), key=lambda index: (mentions[index].sentence, mentions[index].start))
    names = {index: _name(mentions[index], index) for index in order}
    full = _full_names(list(dict.fromkeys(names.values()))) if variants else {}
    entities: defaultdict[_Name, list[int]] = defaultdict(list)
    for index, name in names.items():
        while name in full:
            name = full[name]
        entities[name].append(index)
    return list(map(tuple, entities.values()))


def _name(mention: Mention, index: int) -> _Name:
    # No word of a name has a space, so that a mention without a name shares its word with no other.
    return mention.type, tuple(mention.name.split()) or (f" {index}",)


def _full_names(names: Sequence[_Name]) -> dict[_Name, _Name]:
    """Return the longer name that a name stands for, where there is one.

    Args:
        names: the names, in the order of the text.
    """
    persons, initials = _by_word(names), _by_initials(names)
    full: dict[_Name, _Name] = {}
    for kind, words in names:
        longer = [name for name in persons.get((kind, words[0]), ()) if _shortens(words, name)]
        letters = "".join(words).replace(".", "")
        if len(letters) > 1 and letters.isalpha() and letters.isupper():
            longer += [name for name in initials.get((kind, letters), ()) if _characters(name) > _characters(words)]
        if longer:
            full[kind, words] = kind, longer[0]
    return full


def _by_word(names: Sequence[_Name]) -> Mapping[tuple[str, str], list[_Words]]:
    """Return the names of persons that have a word, by type and word."""
    found: defaultdict[tuple[str, str], list[_Words]] = defaultdict(list)
    for kind, words in names:
        if kind in PERSON_TYPES:
            for word in dict.fromkeys(words):
                found[kind, word].append(words)
    return found


def _by_initials(names: Sequence[_Name]) -> Mapping[tuple[str, str], list[_Words]]:
    """Return the names of several words that have some initials, by type and initials."""
    found: defaultdict[tuple[str, str], list[_Words]] = defaultdict(list)
    for kind, words in names:
        for letters in dict.fromkeys(_initials(words)) if len(words) > 1 else ():
            found[kind, letters].append(words)
    return found


def _initials(words: _Words) -> Iterator[str]:
    first = [word[:1] for word in words]
    yield "".join(first).upper()
    yield "".join(letter for letter in first if letter.isupper())


def _shortens(words: _Words, name: _Words) -> bool:
    """Return whether a name has all these words in this order, and more."""
    rest = iter(name)
    return len(name) > len(words) and all(word in rest for word in words)


def _characters(words: _Words) -> int:
    return sum(map(len, words))
