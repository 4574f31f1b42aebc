"""Windows: the spans of a document that an encoder reads at once, and the subwords that frame them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SAMPLE = "*"
"""A text of one subword, whose frame reveals the special subwords."""


@dataclass(frozen=True)
class SpecialSubwords:
    """The subwords that an encoder expects around a text."""

    prefix: tuple[int, ...]
    """Before a text, such as ``[CLS]``."""
    suffix: tuple[int, ...]
    """After a text, such as ``[SEP]``."""
    break_suffix: tuple[int, ...]
    """After a window that breaks off before the text ends: what the tokenizer puts between two texts. For RoBERTa this
    is ``</s></s>``, as in the published code."""

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> SpecialSubwords:
        """Infer them from how a tokenizer frames one text and two."""
        text = tokenizer(SAMPLE, add_special_tokens=False)["input_ids"]
        one, two = tokenizer(SAMPLE)["input_ids"], tokenizer(SAMPLE, SAMPLE)["input_ids"]
        size = len(text)
        start = next(i for i in range(len(one)) if one[i : i + size] == text)
        suffix = one[start + size :]
        between = two[start + size : len(two) - size - len(suffix)]
        return cls(tuple(one[:start]), tuple(suffix), tuple(between))


def plan_windows(length: int, size: int, special: SpecialSubwords, overlap: int) -> list[tuple[int, int]]:
    """Cover a document with windows: the first and the last at its ends, the others evenly spaced in between.

    If there are two windows, they are placed as in the published code.

    Args:
        length: subwords of the document, the special ones included.
        size: subwords of a window, the special ones included.
        special: the subwords that frame a window that does not reach an end of the document.
        overlap: the fewest subwords that two neighbours share; if negative, the most that may lie between them.

    Returns:
        Spans [start, stop) of the document, one for each window.
    """
    if length <= size:
        return [(0, length)]
    first, last = size - len(special.break_suffix), size - len(special.prefix)
    middle = last - len(special.break_suffix)
    steps = 1 if length - last <= first - overlap else -(-(length - last) // (middle - overlap))
    between = [step * (length - last) // steps for step in range(1, steps)]
    return [(0, first), *((start, start + middle) for start in between), (length - last, length)]
