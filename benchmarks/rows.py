"""The tables of docs/performance.md: a header, and the cells that each kept result gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from benchmarks.report import Entry

MODELS = {"minilm": "MiniLM", "bert-base": "BERT-base", "roberta-large": "RoBERTa-large"}
"""Display names of the shapes."""

Rows = Iterable[tuple[str, ...]]


class Table(NamedTuple):
    """How a table is made from results; processor and version come before its own columns."""

    benchmark: str
    """The benchmark whose results it shows."""
    options: tuple[str, ...]
    """It shows the newest result for each choice of these."""
    columns: tuple[str, ...]
    """Its header."""
    rows: Callable[[Entry], Rows]
    """Returns the rows of one result."""


def speed_rows(entry: Entry) -> Rows:
    """Compare the seconds of both contenders."""
    yield (
        MODELS[entry["shape"]],
        entry["precision"],
        f"{entry['textbook_seconds_per_document']:.3f}",
        f"{entry['seconds_per_document']:.3f}",
        f"{entry['ratio']:.2f}",
    )


def predict_rows(entry: Entry) -> Rows:
    """Compare the seconds of both contenders, and those of atlop with the floor."""
    rates = entry["gemm_gflops"]
    for row in speed_rows(entry):
        floor = f"{entry['floor_seconds_per_document']:.3f}", f"{entry['floor_share']:.0%}"
        yield (*row, *floor, *(f"{rates[name]:.0f}" if name in rates else "" for name in ("fp32", "bf16")))


def answer_rows(entry: Entry) -> Rows:
    """Compare the scores of both contenders."""
    yield (
        MODELS[entry["shape"]],
        entry["precision"],
        f"{entry['documents']}",
        f"{entry['largest_logit_difference']:.1e}",
        f"{entry['decisions_changed']:,} of {entry['pairs']:,}",
    )


def train_rows(entry: Entry) -> Rows:
    """Compare the seconds of both contenders, and their losses where they were compared."""
    difference = entry["loss_difference"]
    losses = ("", "") if difference is None else (f"{difference:.1e}", f"{entry['updates']}")
    for row in speed_rows(entry):
        yield (*row, *losses)


def against_rows(entry: Entry) -> Rows:
    """Compare the seconds of two versions."""
    work = {"predict": "prediction", "train": "training"}[entry["benchmark"]]
    seconds = (f"{entry[name]:.3f}" for name in ("seconds_per_document_before", "seconds_per_document"))
    about = (work, MODELS[entry["shape"]], entry["precision"], entry["against"])
    yield (*about, *seconds, f"{entry['ratio']:.2f}")


def kernel_rows(entry: Entry) -> Rows:
    """List the gains of each replacement."""
    for row in entry["replacements"]:
        own = "" if row["own_gain"] is None else f"{row['own_gain']:.2f}"
        about = (f"{row['work']}, {row['precision']}", row["part"], row["replacement"])
        yield (*about, own, f"{row['gain']:.2f}", "yes" if row["in_force"] else "no")


def precision_rows(entry: Entry) -> Rows:
    """List the scores at each precision, and why one was left out."""
    rows = entry["precisions"]
    for name, row in rows.items():
        scores = f"{100 * row['f1']:.2f}", f"{100 * (row['f1'] - rows['fp32']['f1']):+.2f}"
        if "pairs" in row:
            changed = f"{row['decisions_changed']:,} of {row['pairs']:,}"
            yield (name, *scores, f"{row['largest_logit_difference']:.1e}", changed)
        else:
            yield (name, *scores, "", "")
    for name, reason in entry["left_out"].items():
        yield (name, reason, "", "", "")


def growth_rows(entry: Entry, *, cost: str) -> Rows:
    """List seconds and memory of each count."""
    for count in map(str, entry["counts"]):
        size = [f"{int(count):,}", *([f"{entry['pairs'][count]:,}"] if "pairs" in entry else [])]
        figures = f"{entry['peak_mb'][count]:,.0f}", f"{entry['seconds'][count]:.2f}", f"{entry[cost][count]:.2f}"
        yield (*size, entry["precision"], *figures)


def corpus_rows(entry: Entry) -> Rows:
    """List the speed and the memory of a run over a corpus."""
    memory = (f"{entry[name]:,.0f}" for name in ("first_quarter_mb", "last_quarter_mb", "peak_mb"))
    speed = f"{entry['documents_per_second']:.1f}", f"{entry['seconds'] / 60:.1f}"
    yield (f"{entry['documents']:,}", entry["precision"], *speed, *memory)


def startup_rows(entry: Entry) -> Rows:
    """List the seconds of both commands."""
    yield "`atlop --help`", f"{entry['help_seconds']:.2f}"
    yield f"`atlop predict` on one document, {entry['precision']}", f"{entry['predict_seconds']:.2f}"


def extract_rows(entry: Entry) -> Rows:
    """Compare finding entities and relations with relations alone, with and without evidence."""
    names = ("extract", "relations", "relations_without_evidence")
    taken = (f"{entry['seconds_per_document'][name]:.4f}" for name in names)
    yield (entry["precision"], *taken, f"{entry['times_relations_alone']:.2f}", f"{entry['evidence_share']:.1%}")


def page_rows(entry: Entry) -> Rows:
    """List seconds and memory of each number of pages."""
    for pages in map(str, entry["pages"]):
        found = entry["long_texts"][pages]
        counts = (f"{found[name]:,}" for name in ("entities", "relations"))
        yield (pages, entry["precision"], *counts, f"{found['seconds']:.1f}", f"{found['peak_mb']:,.0f}")


def graph_rows(entry: Entry) -> Rows:
    """List what loading a graph takes, and the median and the slowest call of each query in milliseconds."""
    queries = (entry["queries"][name] for name in ("entity", "relation", "path"))
    times = (f"{found['median_ms']:.0f}, {found['slowest_ms']:.0f}" for found in queries)
    yield (f"{entry['statements']:,}", f"{entry['load_seconds']:.0f}", f"{entry['size_mb']:,.0f}", *times)


MODEL = ("Model", "Precision")
SPEED = (*MODEL, "Textbook, s", "atlop, s", "Ratio")
RATES = ("fp32 GFLOP/s", "bf16 GFLOP/s")
CHANGES = ("Largest logit difference", "Decisions changed")
GROWTH = ("Precision", "Peak memory, MB", "Seconds")
MEMORY = ("First quarter, MB", "Last quarter, MB", "Peak, MB")

TABLES = {
    "predict": Table("predict", ("shape", "precision"), (*SPEED, "Floor, s", "Share of floor", *RATES), predict_rows),
    "answers": Table("predict", ("shape", "precision"), (*MODEL, "Documents", *CHANGES), answer_rows),
    "train": Table(
        "train", ("shape", "precision"), (*SPEED, "Largest loss difference", "Updates compared"), train_rows
    ),
    "against": Table(
        "against",
        ("benchmark", "shape", "precision", "against"),
        ("Work", *MODEL, "Against", "Before, s", "Now, s", "Ratio"),
        against_rows,
    ),
    "kernels": Table(
        "kernels", (), ("Work", "Part", "Replacement", "Own gain", "End-to-end gain", "In force"), kernel_rows
    ),
    "precision": Table("precision", (), ("Precision", "Dev F1", "Against fp32", *CHANGES), precision_rows),
    "entities": Table(
        "entities",
        ("precision",),
        ("Entities", "Pairs", *GROWTH, "Seconds per million pairs"),
        partial(growth_rows, cost="seconds_per_million_pairs"),
    ),
    "length": Table(
        "length",
        ("precision",),
        ("Words", *GROWTH, "Seconds per thousand words"),
        partial(growth_rows, cost="seconds_per_thousand_words"),
    ),
    "extract": Table(
        "extract",
        ("precision",),
        ("Precision", "Whole chain, s", "Relations, s", "Without evidence, s", "Chain to relations", "Evidence"),
        extract_rows,
    ),
    "pages": Table(
        "extract",
        ("precision",),
        ("Pages", "Precision", "Entities", "Relations", "Seconds", "Peak memory, MB"),
        page_rows,
    ),
    "graph": Table(
        "graph",
        ("facts",),
        ("Facts", "Loading, s", "Size, MB", "Entity, ms", "Relation, ms", "Path, ms"),
        graph_rows,
    ),
    "corpus": Table(
        "corpus", ("precision",), ("Documents", "Precision", "Documents/s", "Minutes", *MEMORY), corpus_rows
    ),
    "startup": Table("startup", ("precision",), ("Command", "Seconds"), startup_rows),
}
"""The tables by the names that the page gives them."""
