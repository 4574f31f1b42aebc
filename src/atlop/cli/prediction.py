"""Reading, predicting and writing in one stream, with only a few documents in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from atlop.cli.output import write_predictions
from atlop.cli.prefetch import prefetch
from atlop.cli.progress import Tally
from atlop.cli.resumable import ResumableOutput
from atlop.documents import Document
from atlop.formats import encode

PREFETCHED = 64
"""Maximum number of documents read ahead while others are predicted."""


def predict_files(
    predict: Callable[[Iterable[Document]], Iterator[Document]],
    rows: Iterable[tuple[Document, int]],
    tally: Tally,
    *,
    target: str,
    output: Path | None,
    partial: ResumableOutput | None = None,
) -> None:
    """Predict documents and write each as soon as it is predicted, while a thread reads the next.

    Args:
        predict: the function that predicts them, in the same order.
        rows: the documents, each with the number of bytes read so far.
        tally: counts the predicted documents.
        target: the format to write, or ``table``.
        output: the file to write; ``None`` for standard output.
        partial: keeps the predictions for ``output`` until all are made, if they are to survive an interrupted run.
    """
    with closing(prefetch(rows, PREFETCHED)) as waiting:
        documents = tally.noted(partial.rest(waiting) if partial else waiting)
        with closing(tally.shown(predict(documents))) as predicted:
            if partial:
                partial.write(encode(predicted, form="jsonl"))
            else:
                write_predictions(predicted, target, output)
