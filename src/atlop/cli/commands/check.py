"""``check``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from atlop.cli import options


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Annotated documents, such as those to train on.")],
    dev: Annotated[
        Path | None,
        typer.Option(help="Dev documents, which should have no document in common with FILE and no new relation."),
    ] = None,
    form: options.Form = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with status 1 if anything is odd.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Show what is in annotated documents and what is odd about them."""
    from atlop.checking import check as checked
    from atlop.cli.show import check_table
    from atlop.errors import DataError
    from atlop.formats import read

    if form is not None:
        options.choice("--from", form, options.READABLE)
    errors: list[DataError] = []
    documents = read(file, form=form, on_error="skip", report=errors.append)
    others = None if dev is None else read(dev, form=form)
    report = checked(documents, dev=others, malformed=list(map(str, errors)))
    typer.echo(json.dumps(report.to_json(), indent=1, ensure_ascii=False) if as_json else check_table(report))
    if strict and report.findings:
        raise typer.Exit(1)
