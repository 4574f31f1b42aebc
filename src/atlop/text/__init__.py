"""Raw text split into sentences of words with known offsets."""

from atlop.text.sentences import sentence_starts, split_text
from atlop.text.words import CutText, Span, Spans, cut_text, word_spans

__all__ = ["CutText", "Span", "Spans", "cut_text", "sentence_starts", "split_text", "word_spans"]
