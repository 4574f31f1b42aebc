"""``predict``."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlop.cli import options
from atlop.cli.startup import loading
from atlop.errors import AtlopError

if TYPE_CHECKING:
    from atlop.cli.progress import Tally
    from atlop.cli.resumable import ResumableOutput
    from atlop.extractor import RelationExtractor


To = Annotated[
    str | None,
    typer.Option(
        help=f"Format to write: {', '.join(options.PREDICTION)}; by default that of the suffix, or else jsonl."
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Keep the predictions of a run that is stopped, and continue from them.")
]


def predict(
    inputs: options.Inputs,
    model: options.Model = None,
    output: options.PredictionFile = None,
    to: To = None,
    form: options.Form = None,
    on_error: options.OnError = "raise",
    min_confidence: options.MinConfidence = 0.0,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    prune: Annotated[
        bool, typer.Option("--prune", help="Skip pairs of entity types that no training relation connects.")
    ] = False,
    resume: Resume = False,
    revision: options.Revision = None,
) -> None:
    """Find the relations between the entities of documents."""
    from atlop.cli.files import input_files, read_all, total_size
    from atlop.cli.prediction import predict_files
    from atlop.cli.progress import Tally
    from atlop.cli.resumable import resumable_output, settings_of

    target = options.output_format(to, output, options.PREDICTION)
    check_resumable(resume, output, target)
    policy = options.choice("--on-error", on_error, options.ON_ERROR)
    options.choice("--device", device, options.DEVICES)
    options.choice("--precision", precision, options.PRECISIONS)
    options.fraction("--min-confidence", min_confidence)
    files = input_files(inputs, form=form, output=output)
    folder = options.model_folder(model, revision)
    partials: AbstractContextManager[ResumableOutput | None] = nullcontext()
    if resume and output:
        settings = settings_of(folder, precision=precision, prune=prune, min_confidence=min_confidence)
        partials = resumable_output(output, settings)
    with partials as kept:
        extractor = load_model(folder, device=device, precision=precision, prune=prune)
        rows = read_all(files, form=form, on_error=policy)
        tally = Tally(total_size(files))
        predict_files(
            lambda documents: extractor.predict(documents, min_confidence=min_confidence),
            rows,
            tally,
            target=target,
            output=output,
            partial=kept,
        )
    tell(tally, output, kept)


def tell(tally: Tally, output: Path | None, kept: ResumableOutput | None) -> None:
    """Print how many documents were written to a file, and how fast."""
    if output:
        before = f", after {kept.resumed:,} kept from before" if kept and kept.resumed else ""
        typer.echo(f"atlop: {tally}{before}", err=True)


def check_resumable(resume: bool, output: Path | None, target: str) -> None:
    """Check that a run that is to be resumed writes a JSONL file, which grows document by document.

    Raises:
        AtlopError: if it does not.
    """
    if not resume:
        return
    found = None if target == "jsonl" else f"the format {target!r}"
    if output is None or options.is_stream(output):
        found = "no --output" if output is None else f"the pipe or device {str(output)!r}"
    if found is not None:
        raise AtlopError(f"--resume: got {found}, expected a JSONL file, which grows document by document")


def load_model(folder: Path, *, device: str, precision: str, prune: bool = False) -> RelationExtractor:
    """Load a model, after checking device and precision, which its backend, slow to load, would only check later."""
    with loading():
        from atlop.extractor import load
        from atlop.folder import ENCODER_GRAPH

        if find_spec("torch") and not (folder / ENCODER_GRAPH).exists():
            from atlop.backends.devices import choose_device, choose_precision

            choose_precision(precision, choose_device(device))
        return load(folder, device=device, precision=precision, prune=prune)
