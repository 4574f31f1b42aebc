"""``demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atlop.cli import options
from atlop.cli.commands.predict import load_model

LEAST_CONFIDENCE = 0.5
"""Less confident relations are left out, so that the tables stay short."""


def demo(
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="HTML page that draws all relations as one graph.")
    ] = None,
) -> None:
    """Find entities and relations in two short texts with the bundled model, and show them as tables."""
    from atlop.cli.output import write_predictions
    from atlop.documents import Document
    from atlop.folder import BUNDLED

    if page:
        options.check_writable(page)
    texts = sorted((BUNDLED.parent / "examples").glob("*.txt"))
    documents = [Document.from_text(text.read_text(encoding="utf-8"), title=text.stem) for text in texts]
    # In fp32, so that every machine prints the same confidences.
    extractor = load_model(BUNDLED, device="auto", precision="fp32")
    found = list(extractor.extract(documents, min_confidence=LEAST_CONFIDENCE))
    write_predictions(found, "table", None)
    if page:
        write_predictions(found, "html", page)
        typer.echo(f"atlop: the graph is drawn in {page}", err=True)
