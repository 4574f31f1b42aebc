"""The page of performance shows the results that are kept, and tables say what the results say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from benchmarks.rows import TABLES
from benchmarks.tables import PAGE, PICTURES, PLACE, fill, made

SHOWN = PAGE.read_text(encoding="utf-8")


def cells(table: str) -> list[list[str]]:
    """The rows of a table, the header among them."""
    lines = [line[2:-2].split(" | ") for line in table.splitlines() if line.startswith("|")]
    return [lines[0], *lines[2:]]


def test_the_page_is_made_of_the_results() -> None:
    assert fill(SHOWN) == SHOWN, "run: python -m benchmarks.tables"


def test_the_page_has_every_table_and_plot() -> None:
    assert sorted(place["name"] for place in PLACE.finditer(SHOWN)) == sorted([*TABLES, *PICTURES])


def test_the_newest_result_of_each_kind_is_shown(results: Path) -> None:
    assert cells(made("predict", results))[1:] == [
        ["MiniLM", "fp32", "0.400", "0.100", "4.00", "0.050", "50%", "89", "200"],
        ["MiniLM", "auto", "0.400", "0.050", "8.00", "0.050", "100%", "89", "200"],
    ]


def test_the_answers(results: Path) -> None:
    wanted = ["64", "2.0e-05", "3 of 2,000"]
    assert cells(made("answers", results))[1:] == [["MiniLM", name, *wanted] for name in ("fp32", "auto")]


def test_the_published_code_is_rescaled_by_the_rate(results: Path) -> None:
    """It took 0.39 s at 178 GFLOP/s, so 0.78 s at half that rate; 0.4 s is 49 % less. It computes in fp32."""
    assert cells(made("baseline", results))[1:] == [
        ["MiniLM", "prediction", "0.39", "89", "0.78", "0.40", "-49%"],
        ["MiniLM", "training", "1.14", "89", "2.28", "0.40", "-82%"],
    ]


def test_losses_are_shown_where_they_were_followed(results: Path) -> None:
    assert [row[-2:] for row in cells(made("train", results))[1:]] == [["3.0e-06", "50"], ["", ""]]


def test_precisions_are_held_against_fp32(results: Path) -> None:
    assert cells(made("precision", results))[1:] == [
        ["fp32", "61.50", "+0.00", "", ""],
        ["bf16", "61.40", "-0.10", "2.5e-01", "30 of 2,000"],
        ["int8", "not here", "", "", ""],
    ]


def test_growth(results: Path) -> None:
    assert cells(made("entities", results)) == [
        ["Entities", "Pairs", "Precision", "Peak memory, MB", "Seconds", "Seconds a million pairs"],
        ["10", "90", "fp32", "700", "0.50", "50.00"],
        ["20", "380", "fp32", "1,234", "2.00", "51.25"],
    ]


def test_a_corpus(results: Path) -> None:
    row = ["10,000", "auto", "12.5", "13.3", "700", "701", "800"]
    assert cells(made("corpus", results))[1:] == [row]


def test_tried(results: Path) -> None:
    rows = cells(made("tried", results))[1:]
    assert rows == [["half of the work", "2", "1.88", "yes"], ["nothing new", "1.5", "0.96", "no: slower"]]


def test_pruning(results: Path) -> None:
    assert cells(made("pruning", results))[1:] == [["fp32", "12.5%", "1.10", "61.50", "61.60", "2", "3"]]


def test_a_start(results: Path) -> None:
    assert cells(made("startup", results))[1:] == [
        ["`atlop --help`", "0.12"],
        ["`atlop predict` on one document, auto", "2.50"],
        ["step: torch", "1.00"],
        ["step: transformers", "1.25"],
    ]


def test_a_gpu(results: Path) -> None:
    assert cells(made("gpu", results))[1:] == [["BERT-base", "100", "400", "4.0", "25%", "700", "none"]]


def test_a_table_tells_its_commands_and_machine(results: Path) -> None:
    below = made("predict", results).rpartition("|\n\n")[2]
    assert below == (
        "2026-11-22, Chip, 2 cores, 1 threads, torch 2.13.0:\n\n```bash\npython -m benchmarks.predict --number 2\n"
        "python -m benchmarks.predict --number 1\n```"
    )


@pytest.mark.parametrize("name", TABLES)
def test_every_row_fits_its_header(name: str, results: Path) -> None:
    assert {len(row) for row in cells(made(name, results))} == {len(TABLES[name].columns)}


def test_what_was_not_measured_is_told(results: Path) -> None:
    page = "before\n<!-- results: gpu -->\nold\n<!-- end -->\n<!-- results: plot-speed -->\n<!-- end -->\nafter"
    (results / "gpu.json").unlink()
    assert fill(page, results).split("\n") == [
        *["before", "<!-- results: gpu -->", "", "Not measured yet.", "", "<!-- end -->"],
        *["<!-- results: plot-speed -->", "", "Not drawn yet.", "", "<!-- end -->", "after"],
    ]


def test_a_plot_is_shown_where_it_is(results: Path) -> None:
    (results / "speed.svg").write_text("<svg/>", encoding="utf-8")
    assert re.fullmatch(r"!\[[\w ]+\]\(results/performance/speed\.svg\)", made("plot-speed", results))
