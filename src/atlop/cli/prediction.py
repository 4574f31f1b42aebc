"""Reading, predicting and writing in one stream, of which only a few documents are in memory."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from atlop.cli.output import write_predictions
from atlop.cli.prefetch import prefetch
from atlop.cli.progress import Tally
from atlop.cli.resumable import ResumableOutput
from atlop.documents import Document
from atlop.formats import encode

if TYPE_CHECKING:  # importing it takes numpy and the model library
    from atlop.extractor import RelationExtractor

PREFETCHED = 64
"""Documents that are read while others are predicted."""


def predict_files(
    extractor: RelationExtractor,
    rows: Iterable[tuple[Document, int]],
    tally: Tally,
    *,
    target: str,
    output: Path | None,
    partial: ResumableOutput | None = None,
    min_confidence: float = 0.0,
) -> None:
    """Predict documents and write each as soon as it is predicted, while a thread reads the next.

    Args:
        extractor: the model.
        rows: the documents, each with the number of bytes read so far.
        tally: counts the predicted documents.
        target: the format to write, or ``table``.
        output: the file to write; ``None`` for the standard output.
        partial: keeps the predictions for ``output`` until all are made, if they are to survive the run.
        min_confidence: the least confidence of a relation.
    """
    with closing(prefetch(rows, PREFETCHED)) as waiting:
        documents = tally.noted(partial.rest(waiting) if partial else waiting)
        with closing(tally.shown(extractor.predict(documents, min_confidence=min_confidence))) as predicted:
            if partial:
                partial.write(encode(predicted, form="jsonl"))
            else:
                write_predictions(predicted, target, output)
