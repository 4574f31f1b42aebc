"""A warning about mentions whose ``end`` seems to be inclusive, which would silently change the predictions."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from atlop.documents import Document
from atlop.documents.entity import Mention
from atlop.errors import DataError

logger = logging.getLogger(__name__)


def warn_of_inclusive_ends(
    documents: Iterable[Document | DataError], *, file: str, place: str
) -> Iterator[Document | DataError]:
    """Yield documents; after the last one, warn once of mentions that would spell their name with one more word.

    Args:
        documents: the documents of a file, and errors in place of malformed ones.
        file: the name of the file.
        place: a format string for the place of a mention, filled with the indices of the entity and the mention.
    """
    count, first = 0, ""
    for document in documents:
        for found in _inclusive_ends(document, place) if isinstance(document, Document) else ():
            count, first = count + 1, first or found
        yield document
    if count:
        mentions = "1 mention" if count == 1 else f"{count} mentions"
        problem = f"the end of {mentions} seems to be inclusive, expected the index after the last word"
        logger.warning("%s: %s; the first is %s", file, problem, first)


def _inclusive_ends(document: Document, place: str) -> Iterator[str]:
    """Describe each mention that would spell its name with one more word."""
    for e, entity in enumerate(document.entities):
        for m, mention in enumerate(entity.mentions):
            words = document.sentences[mention.sentence]
            covered = " ".join(words[mention.start : mention.end])
            if covered != mention.name and _is_inclusive(mention, words):
                spelled = f"the name is {mention.name!r}, the words are {covered!r}"
                yield f"document {document.title!r}: {place.format(e, m)}: {spelled}"


def _is_inclusive(mention: Mention, words: tuple[str, ...]) -> bool:
    covered, longer = (" ".join(words[mention.start : end]) for end in (mention.end, mention.end + 1))
    return _squeezed(covered) != _squeezed(mention.name) == _squeezed(longer)


def _squeezed(text: str) -> str:
    return "".join(text.split())
