"""``report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atlop.cli import options
from atlop.errors import AtlopError


def report(
    results: Annotated[list[Path], typer.Argument(metavar="RESULTS...", help="Results files that atlop sweep wrote.")],
    output: Annotated[Path, typer.Option(help="Markdown page to write; if it exists, its blocks are filled in.")],
    html: Annotated[Path | None, typer.Option(help="HTML page to write as well, with the figures in it.")] = None,
    figures: Annotated[
        Path | None, typer.Option(help="Folder for the figures; by default FILE-figures beside the page FILE.md.")
    ] = None,
) -> None:
    """Show the results of sweeps as tables and figures in a Markdown page."""
    from atlop.experiments.report import make_report
    from atlop.experiments.row import read_rows

    _check_pages(results, output, html)
    rows = [row for path in results for row in read_rows(path)]
    made = make_report(rows, output, html=html, figures=figures)
    made.write()
    for sweep in made.left_out:
        typer.echo(f"atlop: warning: {output}: no block shows the sweep {sweep}", err=True)
    pictures = sum(path.suffix == ".png" for path in made.files)
    pages = f"{output} and {html}" if html else f"{output}"
    typer.echo(f"{len(rows)} rows in {pages}, with {pictures} figures")


def _check_pages(results: list[Path], output: Path, html: Path | None) -> None:
    """Check that the pages can be written, and overwrite neither the results nor each other.

    Raises:
        AtlopError: if one cannot be written, or would overwrite another file of the report.
    """
    taken = {path.resolve() for path in results}
    for option, page in (("--output", output), ("--html", html)):
        if page is None:
            continue
        if page.resolve() in taken:
            problem = "which is a results file or another page of this report; choose another name"
            raise AtlopError(f"{option}: got {str(page)!r}, {problem}")
        if page.exists() and not page.is_file():
            raise AtlopError(f"{option}: got {str(page)!r}, expected the name of a file")
        options.check_writable(page)
        taken.add(page.resolve())
