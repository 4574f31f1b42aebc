"""``evaluate`` and ``convert``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlop.cli import options
from atlop.errors import AtlopError

if TYPE_CHECKING:
    from atlop.evaluation import Counts, Scores


def evaluate(
    gold: Annotated[Path, typer.Option(help="Documents with their relations.")],
    predictions: Annotated[Path, typer.Option(help="Predictions: leaderboard, DocRED or JSONL format.")],
    train_facts: Annotated[
        Path | None, typer.Option(help="Training documents, or triples of names; needed for Ign F1.")
    ] = None,
    identifiers: Annotated[
        Path | None, typer.Option(help="PubTator file whose facts are counted by identifier as well.")
    ] = None,
    end_to_end: Annotated[
        bool,
        typer.Option("--end-to-end", help="Score predicted entities as well, which need not be those of gold."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Compute the standard metrics of predictions against gold documents."""
    if end_to_end:
        _check_alone(train_facts=train_facts, identifiers=identifiers)
        _evaluate_end_to_end(gold, predictions, as_json=as_json)
        return
    from atlop.cli.files import read_train_facts
    from atlop.cli.show import score_table
    from atlop.evaluation import evaluate as score
    from atlop.evaluation import evaluate_by_identifier
    from atlop.formats import read, read_predictions

    documents = read(gold)
    predicted = read_predictions(predictions)
    scores = score(documents, predicted, train_facts=read_train_facts(train_facts) if train_facts else None)
    by_identifier = evaluate_by_identifier(read(identifiers), predicted, entities=documents) if identifiers else None
    _warn(gold, scores.facts, scores.unknown_titles)
    typer.echo(_as_json(scores, by_identifier) if as_json else score_table(scores, by_identifier))


def _check_alone(**others: Path | None) -> None:
    """Check that no option is given that only applies to predictions for the gold entities.

    Raises:
        AtlopError: if one is.
    """
    for name, path in others.items():
        if path is not None:
            option = f"--{name.replace('_', '-')}"
            raise AtlopError(f"{option}: got {str(path)!r} together with --end-to-end, expected one of the two options")


def _evaluate_end_to_end(gold: Path, predictions: Path, *, as_json: bool) -> None:
    from atlop.cli.show import end_to_end_table
    from atlop.evaluation import evaluate_end_to_end
    from atlop.formats import read, read_predictions

    predicted = read_predictions(predictions)
    if isinstance(predicted, dict):
        problem = "got facts in leaderboard format, expected documents, as --end-to-end compares their entities"
        raise AtlopError(f"{predictions}: {problem}")
    scores = evaluate_end_to_end(read(gold), predicted)
    _warn(gold, scores.relation, scores.unknown_titles)
    typer.echo(json.dumps(scores.to_json(), indent=1) if as_json else end_to_end_table(scores))


def _warn(gold: Path, facts: Counts, unknown_titles: Iterable[str]) -> None:
    for title in unknown_titles:
        typer.echo(f"atlop: warning: no gold document has the predicted title {title!r}", err=True)
    if not facts.tp + facts.fn:
        typer.echo(f"atlop: warning: {gold} has no relation to find", err=True)


def _as_json(scores: Scores, by_identifier: Counts | None) -> str:
    stored = {**scores.to_json(), "annotated_evidence": scores.annotated_evidence.to_json()}
    if by_identifier is not None:
        stored["by_identifier"] = by_identifier.to_json()
    return json.dumps(stored, indent=1)


def convert(
    inputs: options.Inputs,
    output: Annotated[Path, typer.Option(help="File to write.")],
    to: Annotated[
        str | None,
        typer.Option(help=f"Format to write: {', '.join(options.WRITABLE)}; that of the output's suffix by default."),
    ] = None,
    form: options.Form = None,
    on_error: options.OnError = "raise",
) -> None:
    """Write documents in another format."""
    from atlop.cli.files import input_files, read_all
    from atlop.formats import write

    target = options.output_format(to, output, options.WRITABLE)
    policy = options.choice("--on-error", on_error, options.ON_ERROR)
    rows = read_all(input_files(inputs, form=form, output=output), form=form, on_error=policy)
    write((document for document, _ in rows), output, form=target)
