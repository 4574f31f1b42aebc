"""``extract``."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlop.cli import options
from atlop.cli.commands.predict import MinConfidence, Resume, To, check_resumable, load_model, tell

if TYPE_CHECKING:
    from atlop.cli.resumable import ResumableOutput


def extract(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="Files of text or of documents, folders of such files, or - for the standard input.",
        ),
    ],
    model: options.Model = None,
    output: options.PredictionFile = None,
    to: To = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--from", help=f"Format of the input: text, {', '.join(options.READABLE)}; detected from the content."
        ),
    ] = None,
    on_error: options.OnError = "raise",
    min_confidence: MinConfidence = 0.0,
    language: Annotated[
        str, typer.Option(metavar="CODE", help="Language whose rules end the sentences of a text.")
    ] = "en",
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    resume: Resume = False,
    revision: options.Revision = None,
) -> None:
    """Find the entities in texts and the relations between them; entities that are marked are not looked at."""
    from atlop.cli.files import input_files, read_all, total_size
    from atlop.cli.prediction import predict_files
    from atlop.cli.progress import Tally
    from atlop.cli.resumable import TEXT_INPUT, resumable_output, settings_of

    target = options.output_format(to, output, options.PREDICTION)
    check_resumable(resume, output, target)
    policy = options.choice("--on-error", on_error, options.ON_ERROR)
    options.choice("--device", device, options.DEVICES)
    options.choice("--precision", precision, options.PRECISIONS)
    options.fraction("--min-confidence", min_confidence)
    files = input_files(inputs, form=form, output=output, plain=True)
    folder = options.model_folder(model, revision)
    partials: AbstractContextManager[ResumableOutput | None] = nullcontext()
    if resume and output:
        settings = settings_of(folder, precision=precision, min_confidence=min_confidence)
        partials = resumable_output(output, settings, fields=TEXT_INPUT)
    with partials as kept:
        extractor = load_model(folder, device=device, precision=precision)
        rows = read_all(files, form=form, on_error=policy, plain=True, language=language)
        tally = Tally(total_size(files))
        found = partial(extractor.extract, min_confidence=min_confidence)
        predict_files(found, rows, tally, target=target, output=output, partial=kept)
    tell(tally, output, kept)
