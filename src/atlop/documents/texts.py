"""Plain texts as documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from atlop.documents.document import Document


def documents_of(texts: Iterable[str | Document]) -> Iterator[Document]:
    """Yield texts as documents without entities, titled ``text 1`` and so on; documents are yielded as they are.

    Raises:
        DataError: if a text holds a lone surrogate.
    """
    for number, text in enumerate(texts, start=1):
        yield text if isinstance(text, Document) else Document.from_text(text, title=f"text {number}")
