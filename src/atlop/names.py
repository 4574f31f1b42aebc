"""Names: the mentions of a document that read the same, and how alike two names are.

Mentions of one type that read the same are taken for one entity, which holds for almost all of them in Re-DocRED. Which
names belong together beyond that is learned, from these features and the states of the mentions.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain, combinations
from os.path import commonprefix
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from atlop.documents import Document, Mention

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array")
"""A numpy array or a torch tensor."""

_PIECE = re.compile(r"[^\W_]+")
_INSIGNIFICANT = frozenset({"the", "a", "an", "of", "and", "s", "de", "la", "le", "du", "von", "van", "der"})

FEATURES = (
    "same pieces",
    "pieces of one among those of the other",
    "same first piece",
    "same last piece",
    "shared pieces",
    "shared trigrams",
    "common beginning",
    "initials of the other",
    "digits that differ",
    "single pieces",
)
"""What :func:`likeness` measures; a model stores a weight for each."""


@dataclass(frozen=True)
class Name:
    """Mentions of one type that read the same."""

    text: str
    """Their common text, case-folded."""
    type: str
    """Their type."""
    mentions: tuple[Mention, ...]
    """The mentions, in the order of the document."""
    entity: int
    """The entity that most of them belong to."""


def words_of(document: Document, mention: Mention) -> str:
    """Return the words of a mention, joined by spaces."""
    return " ".join(document.sentences[mention.sentence][mention.start : mention.end])


def names_of(document: Document) -> list[Name]:
    """Return the names of the mentions of a document, in the order of their first mentions."""
    found: dict[tuple[str, str], list[tuple[Mention, int]]] = defaultdict(list)
    mentions = [(mention, e) for e, entity in enumerate(document.entities) for mention in entity.mentions]
    for mention, entity in sorted(mentions, key=lambda pair: (pair[0].sentence, pair[0].start, pair[0].end)):
        found[words_of(document, mention).casefold(), mention.type].append((mention, entity))
    return [
        Name(text, kind, tuple(mention for mention, _ in group), Counter(e for _, e in group).most_common(1)[0][0])
        for (text, kind), group in found.items()
    ]


def pairs_of(names: Sequence[Name]) -> list[tuple[int, int]]:
    """Return the pairs of names that may belong together: those of one type."""
    return [(a, b) for a, b in combinations(range(len(names)), 2) if names[a].type == names[b].type]


@dataclass(frozen=True)
class Spelling:
    """What the likeness of a name to others is computed from."""

    pieces: tuple[str, ...]
    significant: frozenset[str]
    initials: str
    trigrams: frozenset[str]
    digits: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Spelling:
        """Derive the spelling of a name from its text."""
        pieces = tuple(_PIECE.findall(text))
        significant = [piece for piece in pieces if piece not in _INSIGNIFICANT]
        joined = "".join(pieces)
        return cls(
            pieces=pieces,
            significant=frozenset(significant),
            initials="".join(piece[0] for piece in significant),
            trigrams=frozenset(joined[place : place + 3] for place in range(len(joined[:1]) + len(joined[3:]))),
            digits=tuple(sorted(piece for piece in pieces if piece.isdigit())),
        )


def likeness(a: Spelling, b: Spelling) -> tuple[float, ...]:
    """Return the features of two names, whichever comes first, each from 0 to 1, in the order of :data:`FEATURES`."""
    both, either = a.significant & b.significant, a.significant | b.significant
    left, right = "".join(a.pieces), "".join(b.pieces)
    shorter = min(len(a.significant), len(b.significant))
    return (
        float(a.pieces == b.pieces != ()),
        float(0 < len(both) == shorter),
        float(a.pieces[:1] == b.pieces[:1] != ()),
        float(a.pieces[-1:] == b.pieces[-1:] != ()),
        len(both) / max(1, len(either)),
        len(a.trigrams & b.trigrams) / max(1, len(a.trigrams | b.trigrams)),
        len(commonprefix((left, right))) / max(1, len(left), len(right)),  # noqa: RUF071  by characters
        float((len(left) > 1 and left == b.initials) or (len(right) > 1 and right == a.initials)),
        float(a.digits != b.digits),
        float(shorter == 1),
    )


@dataclass(frozen=True)
class Names(Generic[Array]):
    """The names of documents as arrays, X of them, and the Y pairs that may belong together."""

    places: Array
    """Places of all subwords of the mentions, [V]."""
    owners: Array
    """The name of each of these, [V]."""
    types: Array
    """Type of each name, as in ``Batch.entity_types``, [X]."""
    pairs: Array
    """Two names, [Y, 2]."""
    likeness: Array
    """The :func:`likeness` of each pair, [Y, len(FEATURES)]."""
    together: Array
    """True where both names belong to one entity, [Y]."""

    def to(self, device: torch.device | str) -> Names[torch.Tensor]:
        """Return the names as tensors on a device."""
        import torch

        arrays = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return Names(**{name: torch.as_tensor(array, device=device) for name, array in arrays.items()})


def name_arrays(
    document: Document,
    places: Callable[[Mention], Sequence[int]] = lambda mention: (),
    *,
    types: Mapping[str, int],
    paired: bool = True,
) -> Names[NDArray[Any]]:
    """Return the names of a document as arrays.

    Args:
        document: the document with its entities.
        places: returns the places of the subwords of a mention; by default there are none.
        types: the number of each type, from 1.
        paired: whether to compare the names, the slow part; otherwise there are no pairs.
    """
    names = names_of(document)
    pairs, spellings = pairs_of(names) if paired else [], [Spelling.of(name.text) for name in names]
    rated = chain.from_iterable(likeness(spellings[a], spellings[b]) for a, b in pairs)
    rows = [[place for mention in name.mentions for place in places(mention)] for name in names]
    return Names(
        places=np.array([place for row in rows for place in row], dtype=np.int64),
        owners=np.repeat(np.arange(len(rows)), list(map(len, rows))),
        types=np.array([types.get(name.type, 0) for name in names], dtype=np.int64),
        pairs=np.array(pairs, dtype=np.int64).reshape(-1, 2),
        likeness=np.fromiter(rated, np.float32, len(pairs) * len(FEATURES)).reshape(-1, len(FEATURES)),
        together=np.array([names[a].entity == names[b].entity for a, b in pairs], dtype=np.bool_),
    )


def join_names(parts: Sequence[Names[NDArray[Any]]], length: int) -> Names[NDArray[Any]]:
    """Join the names of several documents, whose subwords are padded to ``length``."""
    first = np.cumsum([0, *(len(part.types) for part in parts)])
    return Names(
        places=np.concatenate([part.places + d * length for d, part in enumerate(parts)]),
        owners=np.concatenate([part.owners + n for part, n in zip(parts, first, strict=False)]),
        types=np.concatenate([part.types for part in parts]),
        pairs=np.concatenate([part.pairs + n for part, n in zip(parts, first, strict=False)]),
        likeness=np.concatenate([part.likeness for part in parts]),
        together=np.concatenate([part.together for part in parts]),
    )
