"""What people see: predicted relations, scores and models as tables, and the progress of long work."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from atlop.checkpoint import Checkpoint
from atlop.documents import Document, Entity, Relation
from atlop.evaluation import Counts, Scores
from atlop.formats import encode, write
from atlop.labels import LabelMap

WIDTH = 110
"""Columns of a table that is not shown in a terminal."""


def console() -> Console:
    """Give a console for the standard output, of fixed width unless it is a terminal."""
    return Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)


def progress(documents: Iterable[Document]) -> Iterator[Document]:
    """Give the documents, showing on the standard error how many went by and how fast, if it is a terminal."""
    if not sys.stderr.isatty():
        yield from documents
        return
    columns = (
        SpinnerColumn(),
        MofNCompleteColumn(),
        TextColumn("documents, {task.fields[speed]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, speed="")
        for document in documents:
            yield document
            elapsed, done = bar.tasks[task].elapsed or 0.0, bar.tasks[task].completed + 1
            bar.update(task, advance=1, speed=f"{done / elapsed:.1f} a second" if elapsed else "")


def write_predictions(documents: Iterator[Document], target: str, output: Path | None, labels: LabelMap) -> None:
    """Write predicted documents to a file, whole or not at all, or to the standard output as they come.

    Args:
        documents: predicted ones.
        target: a form of files, or ``table``.
        output: the file; ``None`` for the standard output.
        labels: gives the relations' names for people.
    """
    if target == "table":
        _write_tables(documents, output, labels)
    elif output is None:
        for piece in encode(documents, form=target, readable=labels.readable):
            sys.stdout.buffer.write(piece)
        sys.stdout.flush()
    else:
        write(documents, output, form=target, readable=labels.readable)


def _write_tables(documents: Iterator[Document], output: Path | None, labels: LabelMap) -> None:
    if output is None:
        screen = console()
        for document in documents:
            screen.print(relation_table(document, labels))
        return
    tables = [relation_table(document, labels) for document in documents]
    with output.open("w", encoding="utf-8") as file:
        Console(file=file, width=WIDTH).print(*tables, sep="\n")


def relation_table(document: Document, labels: LabelMap) -> Table:
    """Lay out the relations of one document, the surest first."""
    table = Table(
        box=box.SIMPLE_HEAD, title=Text(document.title), title_justify="left", title_style="bold", expand=True
    )
    for name, share in (("head", 4), ("relation", 4), ("tail", 4)):
        table.add_column(name, ratio=share)
    table.add_column("confidence", justify="right", width=10)
    table.add_column("sentence", ratio=9)
    for relation in sorted(document.relations, key=lambda fact: -(fact.confidence or 0)):
        head, tail = document.entities[relation.head], document.entities[relation.tail]
        sure = "" if relation.confidence is None else f"{relation.confidence:.2f}"
        name = labels.readable_name(relation.relation)
        table.add_row(*map(Text, (head.name, name, tail.name, sure, support(document, relation))))
    return table


def support(document: Document, relation: Relation) -> str:
    """Give the text where a reader finds both entities: the first sentence with both, else the closest two."""
    head, tail = (_sentences(document.entities[entity]) for entity in (relation.head, relation.tail))
    closest = min((abs(a - b), a, b) for a in head for b in tail)
    places = sorted({closest[1], closest[2]})
    return " … ".join(" ".join(document.sentences[place]) for place in places)


def _sentences(entity: Entity) -> set[int]:
    return {mention.sentence for mention in entity.mentions}


def score_table(scores: Scores, by_identifier: Counts | None) -> str:
    """Lay out scores, one row for each set of facts.

    Args:
        scores: of the listed candidates or all pairs.
        by_identifier: the count by identifier, where it was asked for.
    """
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("facts", "precision", "recall", "F1", "right", "wrong", "missed"):
        table.add_column(name, justify="left" if name == "facts" else "right")
    rows = {"all": scores.facts, "within a sentence": scores.intra, "across sentences": scores.inter}
    rows |= {"frequent relations": scores.frequent, "other relations": scores.long_tail, "evidence": scores.evidence}
    rows |= {"by identifier": by_identifier} if by_identifier else {}
    for name, counts in rows.items():
        shares = [f"{share:.4f}" for share in (counts.precision, counts.recall, counts.f1)]
        table.add_row(name, *shares, *(f"{count:,}" for count in (counts.tp, counts.fp, counts.fn)))
    if scores.ign_f1 is not None:
        table.add_row(
            "not in training (Ign)", f"{scores.ign_precision:.4f}", f"{scores.recall:.4f}", f"{scores.ign_f1:.4f}"
        )
    return render(table)


def model_table(folder: Path, checkpoint: Checkpoint) -> str:
    """Lay out what a model is made of."""
    config, encoder = checkpoint.config, checkpoint.model.encoder
    weights = sum(weight.numel() for weight in checkpoint.model.parameters())
    length = "any length" if config.max_length is None else f"cut at {config.max_length} subwords"
    limit = "any number" if config.max_labels is None else f"at most {config.max_labels}"
    rows = {
        "folder": str(folder),
        "encoder": f"{encoder.transformer.config.model_type}, width {encoder.width}, {encoder.layers} layers",
        "weights": f"{weights:,}",
        "relations": f"{len(checkpoint.labels.relations)}, {limit} a pair",
        "documents": f"{length}, windows of {encoder.window} subwords",
        "parts": f"{config.mention_pooling} pooling, {config.context} context, {config.thresholding} threshold",
        "confidence": f"offset {config.threshold_offset:g}, temperature {config.temperature:g}",
    }
    table = Table(box=None, show_header=False)
    for name, value in rows.items():
        table.add_row(name, value)
    return render(table)


def render(table: Table) -> str:
    """Give a table as text."""
    screen = console()
    with screen.capture() as capture:
        screen.print(table)
    return capture.get().rstrip("\n")
