"""What the tables of docs/performance.md hold: a header, and the cells that each kept result gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

MODELS = {"minilm": "MiniLM", "bert-base": "BERT-base", "roberta-large": "RoBERTa-large"}
"""Names of the shapes for people."""

PUBLISHED_RATE = 178.0
"""GFLOP/s in fp32 of the machine on which the published code was timed."""

PUBLISHED = {
    ("predict", "minilm"): 0.39,
    ("predict", "bert-base"): 1.1,
    ("train", "minilm"): 1.14,
    ("train", "bert-base"): 4.0,
}
"""Seconds a document of the published code, patched to run on torch 2.13 and transformers 5.23, in fp32."""

Entry = dict[str, Any]
"""One kept result."""


class Table(NamedTuple):
    """How a table is made of results."""

    benchmarks: tuple[str, ...]
    """Whose results it shows."""
    options: tuple[str, ...]
    """It shows the newest result for each choice of these."""
    columns: tuple[str, ...]
    """Its header."""
    rows: Callable[[Entry], Iterable[tuple[str, ...]]]
    """Gives the rows of one result."""


def speed_rows(entry: Entry) -> Iterable[tuple[str, ...]]:
    """Compare the seconds of both contenders."""
    yield (
        MODELS[entry["shape"]],
        entry["precision"],
        f"{entry['textbook_seconds_per_document']:.3f}",
        f"{entry['seconds_per_document']:.3f}",
        f"{entry['ratio']:.2f}",
    )


def predict_rows(entry: Entry) -> Iterable[tuple[str, ...]]:
    """Compare the seconds of both contenders, and those of the product with the floor."""
    rates = (f"{entry['gemm_gflops'][name]:.0f}" for name in ("fp32", "bf16"))
    for row in speed_rows(entry):
        yield (*row, f"{entry['floor_seconds_per_document']:.3f}", f"{entry['floor_share']:.0%}", *rates)


def answer_rows(entry: Entry) -> Iterable[tuple[str, ...]]:
    """Compare what both contenders say."""
    yield (
        MODELS[entry["shape"]],
        entry["precision"],
        f"{entry['documents']}",
        f"{entry['largest_logit_difference']:.1e}",
        f"{entry['decisions_changed']:,} of {entry['pairs']:,}",
    )


def baseline_rows(entry: Entry) -> Iterable[tuple[str, ...]]:
    """Compare the textbook with the published code, rescaled to the rate of this run."""
    known = (entry["benchmark"], entry["shape"])
    if known not in PUBLISHED or entry["precision"] != "fp32":
        return
    rate, textbook = entry["gemm_gflops"]["fp32"], entry["textbook_seconds_per_document"]
    expected = PUBLISHED[known] * PUBLISHED_RATE / rate
    cells = (
        f"{PUBLISHED[known]:.2f}",
        f"{rate:.0f}",
        f"{expected:.2f}",
        f"{textbook:.2f}",
        f"{textbook / expected - 1:+.0%}",
    )
    yield (MODELS[entry["shape"]], {"predict": "prediction", "train": "training"}[entry["benchmark"]], *cells)


def train_rows(entry: Entry) -> Iterable[tuple[str, ...]]:
    """Compare the seconds of both contenders, and their losses where they were followed."""
    difference = entry["loss_difference"]
    followed = ("", "") if difference is None else (f"{difference:.1e}", f"{entry['updates']}")
    for row in speed_rows(entry):
        yield (*row, *followed)


def precision_rows(entry: Entry) -> Iterable[tuple[str, ...]]:
    """List what each precision scores, and why one was left out."""
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


def pruning_rows(entry: Entry) -> Iterable[tuple[str, ...]]:
    """Tell what skipping pairs by type saves and changes."""
    scores = (f"{100 * entry[name]:.2f}" for name in ("f1", "f1_pruned"))
    lost = f"{entry['right_relations_lost']:,}", f"{entry['wrong_relations_lost']:,}"
    yield (entry["precision"], f"{entry['pairs_skipped']:.1%}", f"{entry['ratio']:.2f}", *scores, *lost)


def growth_rows(entry: Entry, *, cost: str) -> Iterable[tuple[str, ...]]:
    """List seconds and memory of each count."""
    for count in map(str, entry["counts"]):
        size = [f"{int(count):,}", *([f"{entry['pairs'][count]:,}"] if "pairs" in entry else [])]
        figures = f"{entry['peak_mb'][count]:,.0f}", f"{entry['seconds'][count]:.2f}", f"{entry[cost][count]:.2f}"
        yield (*size, entry["precision"], *figures)


def corpus_rows(entry: Entry) -> Iterable[tuple[str, ...]]:
    """Tell how fast a corpus went by and how the memory did."""
    memory = (f"{entry[name]:,.0f}" for name in ("first_quarter_mb", "last_quarter_mb", "peak_mb"))
    speed = f"{entry['documents_per_second']:.1f}", f"{entry['seconds'] / 60:.1f}"
    yield (f"{entry['documents']:,}", entry["precision"], *speed, *memory)


def startup_rows(entry: Entry) -> Iterable[tuple[str, ...]]:
    """List the seconds of both commands and of the steps of the second."""
    yield "`atlop --help`", f"{entry['help_seconds']:.2f}"
    yield f"`atlop predict` on one document, {entry['precision']}", f"{entry['predict_seconds']:.2f}"
    for step, seconds in entry["steps"].items():
        yield f"step: {step}", f"{seconds:.2f}"


def gpu_rows(entry: Entry) -> Iterable[tuple[str, ...]]:
    """Compare both contenders on a GPU."""
    for shape in entry["shapes"]:
        speed = (f"{entry[name][shape]:.0f}" for name in ("textbook_documents_per_second", "documents_per_second"))
        share, rate = f"{entry['rate_share'][shape]:.0%}", f"{entry['gemm_gflops'][shape]['bf16'] / 1000:.0f}"
        yield (MODELS[shape], *speed, f"{entry['ratio'][shape]:.1f}", share, rate, entry["machine"].get("gpu", "none"))


def tried_rows(entry: Entry) -> Iterable[tuple[str, ...]]:
    """Tell what each optimisation was expected to give and what it gave."""
    for trial in entry["trials"]:
        yield (trial["name"], trial["predicted"], f"{trial['gain']:.2f}", trial["kept"])


SPEED = ("Model", "Precision", "Textbook, s", "atlop, s", "Ratio")
GROWTH = ("Precision", "Peak memory, MB", "Seconds")
RATES = ("fp32 GFLOP/s", "bf16 GFLOP/s")

TABLES = {
    "tried": Table(("tried",), (), ("Optimisation", "Predicted gain", "Measured gain", "Kept"), tried_rows),
    "predict": Table(
        ("predict",), ("shape", "precision"), (*SPEED, "Floor, s", "Share of floor", *RATES), predict_rows
    ),
    "answers": Table(
        ("predict",),
        ("shape", "precision"),
        ("Model", "Precision", "Documents", "Largest logit difference", "Decisions changed"),
        answer_rows,
    ),
    "baseline": Table(
        ("predict", "train"),
        ("benchmark", "shape", "precision"),
        ("Model", "Work", "Published, s", "fp32 GFLOP/s here", "Published rescaled, s", "Textbook, s", "Difference"),
        baseline_rows,
    ),
    "train": Table(
        ("train",), ("shape", "precision"), (*SPEED, "Largest loss difference", "Updates compared"), train_rows
    ),
    "precision": Table(
        ("precision",),
        (),
        ("Precision", "Dev F1", "Against fp32", "Largest logit difference", "Decisions changed"),
        precision_rows,
    ),
    "pruning": Table(
        ("pruning",),
        ("precision",),
        ("Precision", "Pairs skipped", "Ratio", "Dev F1", "with skipping", "Right relations lost", "Wrong ones lost"),
        pruning_rows,
    ),
    "entities": Table(
        ("entities",),
        ("precision",),
        ("Entities", "Pairs", *GROWTH, "Seconds a million pairs"),
        partial(growth_rows, cost="seconds_per_million_pairs"),
    ),
    "length": Table(
        ("length",),
        ("precision",),
        ("Words", *GROWTH, "Seconds a thousand words"),
        partial(growth_rows, cost="seconds_per_thousand_words"),
    ),
    "corpus": Table(
        ("corpus",),
        ("precision",),
        (
            "Documents",
            "Precision",
            "Documents a second",
            "Minutes",
            "First quarter, MB",
            "Last quarter, MB",
            "Peak, MB",
        ),
        corpus_rows,
    ),
    "startup": Table(("startup",), ("precision",), ("What", "Seconds"), startup_rows),
    "gpu": Table(
        ("gpu",),
        ("machine",),
        (
            "Model",
            "Textbook, documents a second",
            "atlop, documents a second",
            "Ratio",
            "Share of the bf16 rate",
            "bf16 TFLOP/s",
            "GPU",
        ),
        gpu_rows,
    ),
}
"""The tables by the names that the page gives them."""
