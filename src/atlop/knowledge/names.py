"""Names as they are compared across documents."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_APOSTROPHES = re.compile(r"['’`´]")
_ABBREVIATION = re.compile(r"\b\w\.(?: ?\b\w\.)+")
_POSSESSIVE = re.compile(r"['’]s\b")
_NOT_IN_A_NAME = re.compile(r"[\W_]+")


@lru_cache(maxsize=65_536)
def normalized(name: str) -> str:
    """Return a name without what varies in writing: case, accents, punctuation, a possessive *'s*, a leading *the*.

    ``The U.S.``, ``US`` and ``us`` become the same; so do ``São Paulo`` and ``Sao Paulo``. Apostrophes and the dots of
    abbreviations vanish; any other punctuation becomes a space. A name that consists only of symbols keeps them.
    """
    folded = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter))
    plain = _ABBREVIATION.sub(_without_dots, _POSSESSIVE.sub("", plain))
    words = _NOT_IN_A_NAME.sub(" ", _APOSTROPHES.sub("", plain)).split()
    return " ".join(words[1:] if words[:1] == ["the"] and len(words) > 1 else words) or " ".join(folded.split())


def _without_dots(abbreviation: re.Match[str]) -> str:
    return abbreviation[0].replace(".", "").replace(" ", "")
