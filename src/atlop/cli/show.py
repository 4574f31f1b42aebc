"""Tables of predicted relations, scores and models."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from atlop.calibration import Calibration
from atlop.checking import Report
from atlop.documents import Document, Relation
from atlop.documents.sentences import sentence_text, supporting_sentences
from atlop.evaluation import Counts, EndToEndScores, Scores
from atlop.folder import CALIBRATION
from atlop.type_constraints import TypeConstraints

if TYPE_CHECKING:  # tables of relations need no torch
    from atlop.checkpoint import Checkpoint

_LISTED = 10
"""Maximum number of names in a list of counts."""

WIDTH = 110
"""Width in characters of a table outside a terminal."""


def console() -> Console:
    """Return a console for standard output, of a fixed width unless it is a terminal."""
    return Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)


def relation_table(document: Document) -> Group:
    """Lay out the relations of a document, most confident first, below the sentences in which to check them."""
    relations = sorted(document.relations, key=lambda relation: -(relation.confidence or 0))
    supports = [supporting_sentences(document, relation) for relation in relations]
    text = Table(box=None, show_header=False, padding=(0, 1))
    for index in sorted({index for row in supports for index in row}):
        text.add_row(str(index + 1), Text(sentence_text(document, index)))
    table = Table(box=box.SIMPLE_HEAD, expand=True)
    for name, share in (("head", 5), ("relation", 6), ("tail", 5)):
        table.add_column(name, ratio=share)
    for name in ("confidence", "sentence"):
        table.add_column(name, justify="right", no_wrap=True)
    for relation, row in zip(relations, supports, strict=True):
        table.add_row(*_cells(document, relation), ", ".join(str(index + 1) for index in row))
    return Group(Text(document.title, style="bold"), text, table if relations else Text("  no relation\n"))


def _cells(document: Document, relation: Relation) -> list[Text | str]:
    """Return head, relation, tail and confidence."""
    names = [document.entities[relation.head].name, relation.name or relation.relation]
    names.append(document.entities[relation.tail].name)
    return [*map(Text, names), "" if relation.confidence is None else f"{relation.confidence:.2f}"]


def score_table(scores: Scores, by_identifier: Counts | None) -> str:
    """Lay out scores, one row per set of facts.

    Args:
        scores: over the listed candidates or all pairs.
        by_identifier: the counts by identifier, if wanted.
    """
    rows = {"all": scores.facts, "within a sentence": scores.intra, "across sentences": scores.inter}
    rows |= {"frequent relations": scores.frequent, "other relations": scores.long_tail}
    rows |= {"evidence": scores.evidence, "evidence, where annotated": scores.annotated_evidence}
    table = _count_table("facts", rows | ({"by identifier": by_identifier} if by_identifier else {}))
    if scores.ign_f1 is not None:
        table.add_row(
            "not in training (Ign)", f"{scores.ign_precision:.4f}", f"{scores.recall:.4f}", f"{scores.ign_f1:.4f}"
        )
    return render(table)


def end_to_end_table(scores: EndToEndScores) -> str:
    """Lay out the scores of predicted entities and their relations, one row per level."""
    return render(_count_table("", scores.levels()))


def _count_table(title: str, rows: Mapping[str, Counts]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for name in (title, "precision", "recall", "F1", "right", "wrong", "missed"):
        table.add_column(name, justify="left" if name == title else "right")
    for name, counts in rows.items():
        shares = [f"{share:.4f}" for share in (counts.precision, counts.recall, counts.f1)]
        table.add_row(name, *shares, *(f"{count:,}" for count in (counts.tp, counts.fp, counts.fn)))
    return table


def check_table(report: Report) -> str:
    """Lay out what a file of documents contains, and what is odd in it, with the first place of each finding."""
    held = Table(box=None, show_header=False)
    held.add_row("holds", ", ".join(_counted(count, what) for what, count in report.counts.items()))
    held.add_row("entity types", Text(_most(report.types)))
    held.add_row("relations", Text(_most(report.relations)))
    found = Table(box=box.SIMPLE_HEAD)
    found.add_column("odd")
    found.add_column("times", justify="right")
    found.add_column("first")
    for finding in report.findings:
        found.add_row(finding.what, f"{finding.count:,}", Text(finding.examples[0]))
    return f"{render(held)}\n{render(found) if report.findings else 'nothing is odd'}"


def _counted(count: int, what: str) -> str:
    """Return a number with the noun, whose plural is given."""
    singular = f"{what[:-3]}y" if what.endswith("ies") else what.removesuffix("s")
    return f"{count:,} {singular if count == 1 else what}"


def _most(counts: Mapping[str, int]) -> str:
    """List the most frequent names with their counts."""
    named = [f"{name} {count:,}" for name, count in counts.items()]
    more = [f"{len(named) - _LISTED} more"] if len(named) > _LISTED else []
    return ", ".join(named[:_LISTED] + more) or "none"


def model_table(folder: Path, checkpoint: Checkpoint, more: Mapping[str, str] | None = None) -> str:
    """Lay out the parts and sizes of a model.

    Args:
        folder: the model folder.
        checkpoint: the model.
        more: rows to add at the end.
    """
    config, encoder = checkpoint.config, checkpoint.model.encoder
    weights = sum(weight.numel() for weight in checkpoint.model.parameters())
    length = "any length" if config.max_length is None else f"truncated to {config.max_length} subwords"
    limit = "any number" if config.max_labels is None else f"at most {config.max_labels}"
    rows = {
        "folder": str(folder),
        "encoder": f"{encoder.transformer.config.model_type}, width {encoder.width}, {encoder.layers} layers",
        "weights": f"{weights:,}",
        "relations": f"{len(checkpoint.labels.relations)}, {limit} per pair",
        "type pairs": _described(checkpoint.labels.type_constraints),
        "documents": f"{length}, windows of {encoder.window} subwords",
        "parts": f"{config.mention_pooling} pooling, {config.context} context, {config.thresholding} threshold",
        "calibration": _calibrated(checkpoint.calibration),
    }
    table = Table(box=None, show_header=False)
    for name, value in {**rows, **(more or {})}.items():
        table.add_row(name, Text(value))
    return render(table)


def tuning_table(found: Mapping[str, Any], folder: Path) -> str:
    """Lay out the scores of a model as trained and as tuned, and the fitted calibration.

    Args:
        found: the ``calibration``, and scores by name ``as_trained`` and ``tuned_by_halves``.
        folder: where the calibration is stored.
    """
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("", "F1", "precision", "recall", "calibration error"):
        table.add_column(name, justify="right" if name else "left")
    for name, row in (("as trained", "as_trained"), ("tuned, by halves", "tuned_by_halves")):
        scores = (found[row][score] for score in ("f1", "precision", "recall", "calibration_error"))
        table.add_row(name, *(f"{score:.4f}" for score in scores))
    return f"{render(table)}\n{_calibrated(found['calibration'])}; stored in {folder / CALIBRATION}"


def _calibrated(calibration: Calibration) -> str:
    relations = _counted(len(calibration.relation_offsets), "relations")
    own = f", separate offsets for {relations}" if calibration.relation_offsets else ""
    curve = f"a curve of {len(calibration.curve)} points"
    sign = "-" if calibration.bias < 0 else "+"
    sigmoid = f"sigmoid({calibration.scale:.3g} * margin {sign} {abs(calibration.bias):.3g})"
    return f"offset {calibration.offset:.3g}{own}, confidence by {curve if calibration.curve else sigmoid}"


def _described(type_constraints: TypeConstraints | None) -> str:
    if type_constraints is None:
        return "unknown, so none can be skipped"
    connected = sum(map(len, type_constraints.tails.values()))
    return f"{connected} of {len(type_constraints.tails) ** 2} connected in training; --prune skips the others"


def render(table: Table) -> str:
    """Render a table to a string."""
    screen = console()
    with screen.capture() as capture:
        screen.print(table)
    return capture.get().rstrip("\n")
