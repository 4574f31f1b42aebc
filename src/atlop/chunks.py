"""Chunks of documents, scored in batches of similar length and yielded in their own order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from operator import itemgetter

import numpy as np

from atlop.backends import PairOutput
from atlop.documents import Document
from atlop.errors import CheckpointError
from atlop.features import Features
from atlop.limits import group_by_length


class Chunk:
    """Documents that were read together, with what was computed for those that are scored."""

    def __init__(self, documents: list[Document], features: list[Features], columns: int) -> None:
        self.documents, self.features, self.next = documents, features, 0
        nothing = PairOutput(np.zeros((0, columns), np.float32), None)
        self.outputs = [None if len(document.pairs) else nothing for document in features]

    def groups(self, subwords: int) -> list[list[int]]:
        """Group the documents to score by length, the group of the first document first."""
        order = [place for place, output in enumerate(self.outputs) if output is None]
        lengths = [len(self.features[place].input_ids) for place in order]
        return sorted(([order[i] for i in group] for group in group_by_length(lengths, subwords)), key=min)

    def fill(self, places: list[int], outputs: list[PairOutput]) -> None:
        """Store what was computed for some documents.

        Raises:
            CheckpointError: if one is not finite.
        """
        for place, output in sorted(zip(places, outputs, strict=True), key=itemgetter(0)):
            check_finite(self.features[place].title, output)
            self.outputs[place] = output

    def ready(self) -> Iterator[tuple[Document, Features, PairOutput]]:
        """Yield the next documents with what was computed for them, up to the first that is not computed."""
        while self.next < len(self.documents) and (output := self.outputs[self.next]) is not None:
            document, features = self.documents[self.next], self.features[self.next]
            self.next += 1
            yield document, features, output


def ready(chunks: deque[Chunk]) -> Iterator[tuple[Document, Features, PairOutput]]:
    """Yield the next documents of several chunks, and remove the chunks that are done."""
    while chunks:
        yield from chunks[0].ready()
        if chunks[0].next < len(chunks[0].documents):
            return
        chunks.popleft()


def check_finite(title: str, output: PairOutput) -> None:
    """Refuse scores that are not finite.

    Raises:
        CheckpointError: naming the document.
    """
    if not np.isfinite(output.logits).all():
        raise CheckpointError(f"document {title!r}: the model computed scores that are not finite")
