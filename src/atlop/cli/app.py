"""The program: its commands in the order of use, and the options that come before a command."""

from __future__ import annotations

from typing import Annotated

import typer

from atlop import __version__
from atlop.cli import options
from atlop.cli.boundary import Commands
from atlop.cli.commands import check, data, demo, extract, graph, models, predict, report, sweep, tune

EPILOG = (
    "Example: atlop extract article.txt --to table\n\n"
    "The documentation is in the folder docs of the repository; docs/cli.md describes the commands."
)

app = typer.Typer(
    cls=Commands,
    help="Document-level relation extraction: texts in, entities and the relations between them out.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"atlop {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback of an error as well.")] = False,
    modules: Annotated[
        list[str] | None,
        typer.Option("--import", metavar="MODULE", help="Python module to import first, which registers model parts."),
    ] = None,
) -> None:
    """Take the options that come before a command."""
    for name in modules or []:
        options.import_module(name)


app.command()(extract.extract)
app.command()(predict.predict)
app.command()(demo.demo)
app.command()(data.evaluate)
app.command()(check.check)
app.command()(models.train)
app.command()(tune.tune)
app.command()(sweep.sweep)
app.command()(report.report)
app.command()(data.convert)
app.command()(models.info)
app.command()(models.export)
app.command("import-reference")(models.import_reference)
app.add_typer(graph.app, name="graph")
