"""The commands and their options."""

from __future__ import annotations

import json
import logging
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from atlop.cli.startup import without_gc
from atlop.errors import AtlopError, DataError


class Commands(TyperGroup):
    """Tells what ends a command before its time in plain lines."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; status 1 is for errors that a user can mend, 130 for an interruption."""
        try:
            return super().invoke(ctx)
        except AtlopError as error:
            typer.echo(f"atlop: {error}", err=True)
            raise typer.Exit(1) from error
        except ModuleNotFoundError as error:
            # Where only exported models are to predict, torch is left out.
            typer.echo(f"atlop: this command needs {error.name}, which is not installed", err=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            typer.echo(": ".join(["atlop: interrupted", *map(str, error.args)]), err=True)
            raise typer.Exit(130) from error


app = typer.Typer(
    cls=Commands,
    help="Document-level relation extraction: documents with marked entities in, scored relations out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def main() -> None:
    """Show warnings, such as of documents that are cut, the way errors are shown."""
    logging.basicConfig(format="atlop: %(message)s")


INPUT_HELP = "Files of documents, folders of such files, or - for the standard input."

Form = Annotated[
    str | None, typer.Option("--from", help="Form of the input: docred, jsonl, pubtator or data; told by the content.")
]
OnError = Annotated[str, typer.Option(help="What to do about a malformed document: raise, or skip and report it.")]
Device = Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda or mps.")]
Model = Annotated[
    str | None, typer.Option(help="Model folder, or name on the Hugging Face hub; without it, the bundled model.")
]


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="YAML file with the settings of the run.")],
    output: Annotated[Path, typer.Option(help="Folder for the model; new or empty unless --resume.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Replace a setting; model.KEY for the model.")
    ] = None,
    init: Annotated[str | None, typer.Option(help="Model to start from; the labels may be new to it.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the output folder.")] = False,
    device: Device = "auto",
) -> None:
    """Train a model and keep the epoch with the best dev F1."""
    from atlop.config import load_training_config, parse_overrides
    from atlop.folder import initial_config

    base = initial_config(init) if init else None
    settings = load_training_config(config, parse_overrides(overrides or []), base=base)
    # Only here, so that a wrong configuration is told at once.
    with without_gc():
        from atlop.cli.training import TrainingProgress
        from atlop.training import train as run

    with closing(TrainingProgress()) as progress:
        best = run(settings, output, resume=resume, init=init, device=device, callbacks=[progress])
    told = [f"Model in {output}"]
    if best:
        scores = ", ".join(f"{name.removeprefix('eval_')} {value:.4g}" for name, value in best.items())
        told.append(f"best epoch: {scores}")
    if progress.documents:
        told.append(progress.speed)
    typer.echo("; ".join(told))


@app.command()
def predict(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT...", help=INPUT_HELP)],
    model: Model = None,
    output: Annotated[Path | None, typer.Option(help="File to write; without it, the standard output.")] = None,
    to: Annotated[
        str | None,
        typer.Option(help="jsonl, docred (leaderboard form), pubtator or table; told by the suffix, else jsonl."),
    ] = None,
    form: Form = None,
    on_error: OnError = "raise",
    device: Device = "auto",
    precision: Annotated[
        str,
        typer.Option(
            help="Number format of the multiplications: auto (what the processor is good at), fp32, bf16 or int8."
        ),
    ] = "auto",
    prune: Annotated[
        bool, typer.Option("--prune", help="Skip pairs of entity types that no training relation connects.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Keep predictions if the run is stopped, and go on with those that are kept."),
    ] = False,
) -> None:
    """Find the relations between the entities of documents."""
    from atlop.backends import PRECISIONS
    from atlop.cli.files import input_files
    from atlop.folder import find_folder

    target, policy = _target(to, output), _choice("--on-error", on_error, ("raise", "skip"))
    _choice("--precision", precision, PRECISIONS)
    if resume and (output is None or target != "jsonl"):
        found = "no --output" if output is None else f"the form {target!r}"
        raise AtlopError(f"--resume: got {found}, expected a JSONL file, to which documents are added one by one")
    files, folder = input_files(inputs), find_folder(model)
    # Only here, so that a wrong option or file is told at once.
    with without_gc():
        from atlop.cli.prediction import predict_files, settings_of
        from atlop.cli.resumable import ResumableOutput
        from atlop.extractor import load

        extractor = load(folder, device=device, precision=precision, prune=prune)
    partial = None
    if resume and output:
        partial = ResumableOutput(output, settings_of(folder, precision=precision, prune=prune))
    told = predict_files(
        extractor, files, form=form, on_error=policy, report=_report, target=target, output=output, partial=partial
    )
    if output:
        typer.echo(f"atlop: {told}", err=True)


def _target(to: str | None, output: Path | None) -> str:
    """Give the form of predictions; ``docred`` means the leaderboard's here."""
    suffixes = {".json": "docred", ".zip": "docred", ".pubtator": "pubtator", ".txt": "table"}
    told = suffixes.get(output.suffix, "jsonl") if output else "jsonl"
    target = _choice("--to", to or told, ("jsonl", "docred", "pubtator", "table"))
    return "leaderboard" if target == "docred" else target


def _choice(option: str, value: str, choices: tuple[str, ...]) -> Any:
    if value not in choices:
        raise AtlopError(f"{option}: got {value!r}, expected one of {', '.join(choices)}")
    return value


def _report(error: DataError) -> None:
    typer.echo(f"atlop: left out: {error}", err=True)


@app.command()
def evaluate(
    gold: Annotated[Path, typer.Option(help="Documents with their relations.")],
    predictions: Annotated[Path, typer.Option(help="Predictions: leaderboard form, DocRED form or JSONL.")],
    train_facts: Annotated[Path | None, typer.Option(help="Training documents or name triples, for Ign F1.")] = None,
    identifiers: Annotated[
        Path | None, typer.Option(help="PubTator file: count its facts by identifier, whatever the candidates were.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Score predictions as the field does."""
    from atlop.cli.files import read_predictions, read_train_facts
    from atlop.cli.show import score_table
    from atlop.evaluation import evaluate as score
    from atlop.evaluation import evaluate_by_identifier
    from atlop.formats import read

    documents = read(gold)
    predicted = read_predictions(predictions)
    scores = score(documents, predicted, train_facts=read_train_facts(train_facts) if train_facts else None)
    for title in scores.unknown_titles:
        typer.echo(f"atlop: warning: no gold document has the predicted title {title!r}", err=True)
    if not scores.facts.tp + scores.facts.fn:
        typer.echo(f"atlop: warning: {gold} holds no relation to find", err=True)
    if as_json:
        typer.echo(json.dumps(scores.to_json(), indent=1))
        return
    typer.echo(score_table(scores, evaluate_by_identifier(read(identifiers), predicted) if identifiers else None))


@app.command()
def convert(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT...", help=INPUT_HELP)],
    to: Annotated[str, typer.Option(help="docred, jsonl, pubtator, data or leaderboard.")],
    output: Annotated[Path, typer.Option(help="File to write.")],
    form: Form = None,
    on_error: OnError = "raise",
) -> None:
    """Write documents in another form."""
    from atlop.cli.files import input_files, read_all
    from atlop.formats import write

    policy = _choice("--on-error", on_error, ("raise", "skip"))
    rows = read_all(input_files(inputs), form=form, on_error=policy, report=_report)
    write((document for document, _ in rows), output, form=to)


@app.command("import-reference")
def import_reference(
    config: Annotated[Path, typer.Option(help="Folder with the encoder's config.json and tokenizer.")],
    weights: Annotated[Path, typer.Option(help="state_dict of the published implementation.")],
    labels: Annotated[Path, typer.Option(help="The rel2id.json that the model was trained with.")],
    output: Annotated[Path, typer.Option(help="Folder for the model; new or empty.")],
) -> None:
    """Turn a checkpoint of the published implementation into a model folder."""
    from atlop.checkpoint import save
    from atlop.reference import load_reference

    _check_empty(output)
    checkpoint = load_reference(config, weights, labels)
    save(checkpoint, output)
    typer.echo(f"Model with {len(checkpoint.labels.relations)} relations in {output}")


def _check_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AtlopError(f"{folder}: is not an empty folder; choose a new one")


@app.command()
def export(
    output: Annotated[Path, typer.Option(help="Folder for the exported model; new or empty.")],
    model: Annotated[
        str | None, typer.Argument(help="Model folder or hub name; without it, the bundled model.")
    ] = None,
    to: Annotated[str, typer.Option(help="Form of the exported model: onnx.")] = "onnx",
) -> None:
    """Write a model in a form that predicts without torch."""
    _choice("--to", to, ("onnx",))
    _check_empty(output)
    # Only here, so that a wrong option is told at once.
    with without_gc():
        from atlop.checkpoint import load
        from atlop.export import export_onnx

        checkpoint = load(model)
    export_onnx(checkpoint, output)
    typer.echo(f"Exported model in {output}")


@app.command()
def info(
    model: Annotated[
        str | None, typer.Argument(help="Model folder or hub name; without it, the bundled model.")
    ] = None,
) -> None:
    """Tell what a model is made of."""
    with without_gc():
        from atlop.checkpoint import load
        from atlop.cli.show import model_table
        from atlop.folder import find_folder

        folder = find_folder(model)
        checkpoint = load(folder)
    typer.echo(model_table(folder, checkpoint))
