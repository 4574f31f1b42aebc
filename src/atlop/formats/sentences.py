"""Where the sentences of an abstract begin, by the rule that is used for PubTator files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from atlop.text import Span, Spans

_SENTENCE_END = re.compile(r"[.!?][)\]\"'”’]*\s+(?=[^\W_]|[(\[\"'“‘])")
_ABBREVIATION = re.compile(r"(?<!\w)(?:e\.g|i\.e|vs|cf|et al|approx|ca|viz|resp|[Ff]igs?|Dr|No)$")
_LONGEST_ABBREVIATION = 8
"""Number of characters to search for an abbreviation, including the character before it."""


def sentence_starts(text: str, *, start: int, spans: Sequence[Span]) -> Iterator[int]:
    """Yield the offsets at which the sentences of a text begin.

    A sentence ends with ``.``, ``!`` or ``?`` and any closing brackets and quotes, if white space and an upper-case
    letter, a digit or an opening bracket or quote follow; but neither after an abbreviation such as ``e.g.``, ``i.e.``,
    ``vs.``, ``et al.``, ``Fig.`` or ``No.``, nor inside a mention.

    Args:
        text: the text.
        start: where the first sentence begins.
        spans: the mentions.
    """
    yield start
    inside = Spans(spans)
    for end in _SENTENCE_END.finditer(text, start):
        following = text[end.end()]
        before = text[max(start, end.start() - _LONGEST_ABBREVIATION) : end.start()]
        if following.isalpha() and not following.isupper():
            continue
        abbreviated = end.group()[1].isspace() and _ABBREVIATION.search(before)
        if abbreviated or inside.split_at(end.end()):
            continue
        yield end.end()
