"""The page of performance shows the results that are kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.report import RESULTS, keep
from benchmarks.rows import TABLES
from benchmarks.tables import PAGE, PLACE, fill, made

SHOWN = PAGE.read_text(encoding="utf-8")
ORIGIN = {
    "command": "python -m benchmarks.kernels",
    "version": "1234567",
    "date": "2026-11-25",
    "machine": {"processor": "Chip", "vectors": "AVX2", "cores": 2, "threads": 1, "torch": "2.13.0"},
}
REPLACEMENT = {"work": "prediction", "precision": "fp32", "part": "linear layers", "replacement": "oneDNN"}


def test_the_page_is_made_of_the_results() -> None:
    assert fill(SHOWN) == SHOWN, "run: python -m benchmarks.tables"


def test_the_page_has_every_table() -> None:
    assert sorted(place["name"] for place in PLACE.finditer(SHOWN)) == sorted(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_every_row_fits_its_header(name: str) -> None:
    lines = [line for line in made(name, RESULTS).splitlines() if line.startswith("|")]
    assert {line.count(" | ") for line in lines} <= {len(TABLES[name].columns) + 1}


def test_replacements(tmp_path: Path) -> None:
    rows = [
        {**REPLACEMENT, "own_gain": 1.25, "gain": 1.126, "in_force": True},
        {**REPLACEMENT, "part": "all", "replacement": "all kernels", "own_gain": None, "gain": 0.9, "in_force": False},
    ]
    keep("kernels", {"replacements": rows, **ORIGIN}, tmp_path)
    assert made("kernels", tmp_path) == (
        "| Processor | Version | Work | Part | Replacement | Own gain | End-to-end gain | In force |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| Chip, AVX2, 2 cores | 1234567 | prediction, fp32 | linear layers | oneDNN | 1.25 | 1.13 | yes |\n"
        "| Chip, AVX2, 2 cores | 1234567 | prediction, fp32 | all | all kernels |  | 0.90 | no |\n\n"
        "2026-11-25, 1 threads, torch 2.13.0:\n\n```bash\npython -m benchmarks.kernels\n```"
    )


def test_an_earlier_version_stays_beside_the_newest(tmp_path: Path) -> None:
    result = {"benchmark": "train", "shape": "minilm", "precision": "fp32", "against": "f11de44", **ORIGIN}
    figures = {"seconds_per_document_before": 0.5, "seconds_per_document": 0.4, "ratio": 1.25}
    for version in ("1111111", "f11de44", "2222222"):
        keep("against", {**result, **figures, "version": version}, tmp_path)
    rows = made("against", tmp_path).splitlines()[2:4]
    cells = "| Chip, AVX2, 2 cores | {} | training | MiniLM | fp32 | f11de44 | 0.500 | 0.400 | 1.25 |"
    assert rows == [cells.format("before"), cells.format("2222222")]


def test_what_was_not_measured(tmp_path: Path) -> None:
    page = "before\n<!-- results: kernels -->\nold\n<!-- end -->\nafter"
    assert fill(page, tmp_path) == "before\n<!-- results: kernels -->\n\nNot measured yet.\n\n<!-- end -->\nafter"
