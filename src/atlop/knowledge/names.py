"""Names as they are compared across documents."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_APOSTROPHES = re.compile(r"['’`´]")
_ABBREVIATION = re.compile(r"\b\w\.(?: ?\b\w\.)+")
_POSSESSIVE = re.compile(r"['’]s\b")
# The marks of Latin, Greek, Cyrillic and symbols; those of other scripts make another letter, as vowel signs do.
_ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]")


@lru_cache(maxsize=65_536)
def normalized(name: str) -> str:
    """Return a name without what varies in writing: case, accents, punctuation, a possessive *'s*, a leading *the*.

    ``The U.S.``, ``US`` and ``us`` become the same; so do ``São Paulo`` and ``Sao Paulo``. Apostrophes and the dots of
    abbreviations vanish; any other punctuation becomes a space. A name that consists only of symbols keeps them. Vowel
    signs and other marks that are no accents stay: ``राम`` and ``रोम`` are two names.
    """
    folded = unicodedata.normalize("NFKD", name).casefold()
    plain = unicodedata.normalize("NFKC", _ACCENTS.sub("", folded))
    plain = _ABBREVIATION.sub(_without_dots, _POSSESSIVE.sub("", plain))
    words = "".join(letter if _is_in_a_word(letter) else " " for letter in _APOSTROPHES.sub("", plain)).split()
    return " ".join(words[1:] if words[:1] == ["the"] and len(words) > 1 else words) or " ".join(folded.split())


def _is_in_a_word(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter).startswith("M")


def _without_dots(abbreviation: re.Match[str]) -> str:
    return abbreviation[0].replace(".", "").replace(" ", "")
