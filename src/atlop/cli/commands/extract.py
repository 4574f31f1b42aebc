"""``extract``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlop.cli import options
from atlop.cli.commands.predict import Resume, check_resumable, load_model, tell
from atlop.errors import AtlopError

if TYPE_CHECKING:
    from atlop.cli.resumable import ResumableOutput
    from atlop.documents import Document
    from atlop.extractor import RelationExtractor


def extract(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="Files of text or of documents, folders of such files, or - for standard input.",
        ),
    ],
    model: options.Model = None,
    output: options.PredictionFile = None,
    to: Annotated[
        str | None,
        typer.Option(
            help=f"Format to write: {', '.join(options.PREDICTION)}, or one graph of all documents: "
            f"{', '.join(options.GRAPHS)}; by default that of the suffix, or else jsonl."
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--from", help=f"Format of the input: text, {', '.join(options.READABLE)}; detected from the content."
        ),
    ] = None,
    on_error: options.OnError = "raise",
    min_confidence: options.MinConfidence = 0.0,
    language: Annotated[
        str, typer.Option(metavar="CODE", help="Language whose rules end the sentences of a text.")
    ] = "en",
    entities: Annotated[
        str,
        typer.Option(
            metavar="SOURCE", help="What finds the entities: the model, or a spaCy pipeline, as spacy:en_core_web_sm."
        ),
    ] = "model",
    device: options.Device = "auto",
    precision: options.Precision = "auto",
    resume: Resume = False,
    revision: options.Revision = None,
) -> None:
    """Find the entities in texts and the relations between them; entities that are marked are ignored."""
    from atlop.cli.files import input_files, read_all, total_size
    from atlop.cli.prediction import predict_files
    from atlop.cli.progress import Tally
    from atlop.cli.resumable import RAW_INPUT, TEXT_INPUT, resumable_output, settings_of

    target = options.output_format(to, output, (*options.PREDICTION, *options.GRAPHS))
    is_folder = _is_graph_folder(target, output)
    check_resumable(resume, output, target)
    policy = options.choice("--on-error", on_error, options.ON_ERROR)
    options.choice("--device", device, options.DEVICES)
    options.choice("--precision", precision, options.PRECISIONS)
    options.fraction("--min-confidence", min_confidence)
    pipeline = _pipeline(entities)
    files = input_files(inputs, form=form, output=None if is_folder else output, plain=True)
    folder = options.model_folder(model, revision)
    partials: AbstractContextManager[ResumableOutput | None] = nullcontext()
    if resume and output:
        settings = settings_of(folder, precision=precision, min_confidence=min_confidence, entities=entities)
        partials = resumable_output(output, settings, fields=RAW_INPUT if pipeline else TEXT_INPUT)
    with partials as kept:
        extractor = load_model(folder, device=device, precision=precision)
        rows = read_all(files, form=form, on_error=policy, plain=True, language=language)
        tally = Tally(total_size(files))
        found = _finder(extractor, pipeline, min_confidence)
        predict_files(found, rows, tally, target=target, output=output, partial=kept)
    tell(tally, output, kept)


def _is_graph_folder(target: str, output: Path | None) -> bool:
    """Check that a graph can be made, before any work is spent on it, and return whether the output is its folder.

    Raises:
        AtlopError: if there is no output.
        DataError: if it is written to a folder that is not empty.
        MissingExtraError: if a package that the graph needs is not installed.
    """
    if target not in options.GRAPHS:
        return False
    if output is None:
        raise AtlopError(f"--to {target}: got no --output, expected the file or folder to write the graph to")
    from atlop.knowledge.export import FOLDERS, check_target

    check_target(output, target)
    return target in FOLDERS and output.is_dir()


def _pipeline(entities: str) -> str | None:
    """Return the name of the spaCy pipeline that finds the entities, if one does.

    Raises:
        AtlopError: if the option names neither the model nor a pipeline.
    """
    source, _, name = entities.partition(":")
    if entities != "model" and (source != "spacy" or not name):
        raise AtlopError(f"--entities: got {entities!r}, expected model, or a pipeline such as spacy:en_core_web_sm")
    return name or None


def _finder(
    extractor: RelationExtractor, pipeline: str | None, min_confidence: float
) -> Callable[[Iterable[Document]], Iterator[Document]]:
    """Return the function that finds entities and relations."""
    if pipeline is None:
        return lambda documents: extractor.extract(documents, min_confidence=min_confidence)
    from atlop.integrations.entities import load_pipeline, mark_entities

    nlp, types = load_pipeline(pipeline), extractor.backend.labels.entity_types
    return lambda documents: extractor.predict(
        mark_entities(documents, nlp, types=types), min_confidence=min_confidence
    )
