"""Reading, predicting and writing in one stream, of which only a few documents are in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from atlop.cli.files import read_all, total_size
from atlop.cli.output import write_predictions
from atlop.cli.prefetch import prefetch
from atlop.cli.progress import Tally
from atlop.cli.resumable import ResumableOutput
from atlop.errors import DataError
from atlop.extractor import RelationExtractor
from atlop.folder import SETTINGS
from atlop.formats import OnError, encode

PREFETCHED = 64
"""Documents that are read while others are predicted."""


def predict_files(
    extractor: RelationExtractor,
    files: Sequence[Path],
    *,
    form: str | None,
    on_error: OnError,
    report: Callable[[DataError], object],
    target: str,
    output: Path | None,
    partial: ResumableOutput | None,
) -> str:
    """Predict the documents of files and write each as soon as it is predicted, while a thread reads the next.

    Args:
        extractor: the model.
        files: as :func:`~atlop.cli.files.input_files` gave them.
        form: that of all files; ``None`` tells it by the content.
        on_error: ``skip`` leaves a malformed document out.
        report: is called with the error of every document left out.
        target: the form to write, or ``table``.
        output: the file to write; ``None`` for the standard output.
        partial: where predictions for ``output`` are kept until they are whole, if they are to be.

    Returns:
        How many documents were predicted, and how fast.
    """
    tally, labels = Tally(total_size(files)), extractor.backend.labels
    kept = partial.kept if partial else 0
    with closing(prefetch(read_all(files, form=form, on_error=on_error, report=report), PREFETCHED)) as rows:
        texts = tally.noted(partial.rest(rows) if partial else rows)
        with closing(tally.shown(extractor.predict(texts))) as documents:
            if partial:
                partial.write(encode(documents, form="jsonl"))
            else:
                write_predictions(documents, target, output, labels)
    return f"{tally}, after {kept:,} that were kept" if kept else str(tally)


def settings_of(folder: Path, *, precision: str, prune: bool) -> dict[str, str]:
    """Tell what predictions depend on beside the documents: the model, when it was saved, and how it is run."""
    saved = datetime.fromtimestamp((folder / SETTINGS).stat().st_mtime).isoformat()
    return {"model": str(folder.resolve()), "saved": saved, "precision": precision, "prune": str(prune)}
