"""A report fills the blocks of a page and leaves the rest of it as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atlop.errors import AtlopError
from atlop.experiments import canvas, report
from atlop.experiments.block import Picture
from atlop.experiments.figures import CHARTS
from atlop.experiments.report import make_report
from atlop.experiments.results import Results
from atlop.experiments.row import Row

MakeRow = Callable[..., Row]

SHOWN = ["scores", "breakdown", "calibration", "swing", "figures", "commands"]
"""The blocks of a sweep without published scores and identifiers, in order."""


@pytest.fixture
def rows(make_row: MakeRow) -> list[Row]:
    return [make_row(), make_row("other", points=58.0), make_row(sweep="second")]


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sweeps that are drawn; drawing itself takes long, and has tests of its own."""
    found: list[str] = []

    def quick(results: Results) -> list[Picture]:
        found.append(results.sweep)
        return [
            Picture(name, f"{results.sweep}-{name}.png", f"alt of {name}", results.sweep.encode())
            for name, chart in CHARTS.items()
            if chart.has_data(results)
        ]

    monkeypatch.setattr(report, "pictures", quick)
    return found


def problem(rows: list[Row], output: Path, **options: Any) -> str:
    with pytest.raises(AtlopError) as caught:
        make_report(rows, output, **options).write()
    return str(caught.value)


def test_a_new_page_shows_everything(rows: list[Row], tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    made = make_report(rows, page)
    made.write()
    text = page.read_text("utf-8")
    assert text.startswith("# Results of tiny, second\n\nScores are those on the dev documents, in points; ± is ")
    begins = [line for line in text.splitlines() if line.startswith("<!-- report: ")]
    assert begins == [f"<!-- report: {sweep} {name} -->" for sweep in ("tiny", "second") for name in SHOWN]
    assert "## tiny\n\n### Scores\n\n<!-- report: tiny scores -->\n\n| Row | Seeds |" in text
    assert "![alt of learning](results-figures/second-learning.png)\n\n" in text
    assert (tmp_path / "results-figures" / "tiny-ablations.png").read_bytes() == b"tiny"
    assert made.left_out == ()


def test_the_same_rows_give_the_same_bytes(rows: list[Row], tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    make_report(rows, page).write()
    before = page.read_bytes()
    make_report(rows, page).write()
    assert page.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results-figures", "results.md"]


def test_text_outside_blocks_stays(rows: list[Row], drawn: list[str], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    block = "<!-- report: tiny calibration -->\nold\n<!-- end -->"
    page.write_bytes(f"By hand.\r\n\n{block} after\n<!-- end -->\n<!-- other: tiny scores -->\n".encode())
    made = make_report(rows, page)
    made.write()
    table = (
        "| Row | Error before | Error after |\n| --- | ---: | ---: |\n"
        "| full | 8.00 | 1.00 |\n| other | 8.00 | 1.00 |\n\n<!-- end -->"
    )
    assert page.read_bytes().decode() == (
        f"By hand.\r\n\n<!-- report: tiny calibration -->\n\n{table} after\n<!-- end -->\n<!-- other: tiny scores -->\n"
    )
    assert (made.left_out, drawn) == (("second",), [])


def test_blocks_are_added_to_a_page_without_any(rows: list[Row], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# By hand\n\nA text.\n\n")
    make_report(rows[-1:], page).write()
    assert page.read_text("utf-8").startswith("# By hand\n\nA text.\n\n## second\n\n### Scores\n\n<!-- report: second ")


def test_a_single_figure(rows: list[Row], drawn: list[str], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- report: tiny learning -->\n<!-- end -->\n")
    make_report(rows, page).write()
    link = "![alt of learning](page-figures/tiny-learning.png)"
    assert page.read_text("utf-8") == f"<!-- report: tiny learning -->\n\n{link}\n\n<!-- end -->\n"
    assert drawn == ["tiny"]


def test_links_are_relative_to_the_page(rows: list[Row], tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "page.md"
    make_report(rows, page, figures=tmp_path / "some pictures").write()
    assert "](../some%20pictures/tiny-ablations.png)" in page.read_text("utf-8")
    assert (tmp_path / "some pictures" / "tiny-ablations.png").exists()


def test_figures_on_another_drive_are_linked_by_their_address(
    rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(report.os.path, "relpath", refuse)
    page = tmp_path / "page.md"
    make_report(rows, page, figures=tmp_path / "some pictures").write()
    assert f"](file://{tmp_path}/some%20pictures/tiny-ablations.png)" in page.read_text("utf-8")


def test_an_html_page_has_every_sweep(rows: list[Row], drawn: list[str], tmp_path: Path) -> None:
    page, html = tmp_path / "page.md", tmp_path / "page.html"
    page.write_text("<!-- report: tiny scores -->\n<!-- end -->\n")
    make_report(rows, page, html=html).write()
    assert html.read_text("utf-8").count("<h2") == 2
    assert drawn == ["tiny", "second"]


AVAILABLE = "scores, breakdown, calibration, swing, commands, figures, " + ", ".join(CHARTS)
WRONG = {
    "<!-- report: large scores -->\n<!-- end -->": "got sweep 'large', expected one of tiny, second",
    "<!-- report: tiny identifiers -->\n<!-- end -->": f"got table 'identifiers', expected one of {AVAILABLE}",
    "<!-- report: tiny -->\n<!-- end -->": "got '<!-- report: tiny -->', {}",
    "<!-- report: tiny scores -->\nno end": "got '<!-- report: tiny scores -->', {}",
    "<!-- report: tiny scores -->\n<!-- report: tiny commands -->\n<!-- end -->": (
        "got '<!-- report: tiny scores -->', {}"
    ),
}
EXPECTED = "expected <!-- report: SWEEP TABLE --> and, further down, <!-- end -->"


@pytest.mark.parametrize("block", WRONG)
def test_a_block_that_is_not_understood(block: str, rows: list[Row], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"By hand.\n\n{block}\n")
    assert problem(rows, page) == f"{page}: line 3: {WRONG[block].format(EXPECTED)}"
    assert page.read_text() == f"By hand.\n\n{block}\n"
    assert list(tmp_path.iterdir()) == [page]


def test_no_rows(tmp_path: Path) -> None:
    assert problem([], tmp_path / "page.md") == "got results without a row, expected at least one"


def test_a_page_that_cannot_be_read(rows: list[Row], tmp_path: Path) -> None:
    (tmp_path / "page.md").write_bytes(b"\xff")
    assert problem(rows, tmp_path / "page.md").startswith(f"{tmp_path / 'page.md'}: cannot be read: 'utf-8' codec")


def test_all_is_written_or_nothing(rows: list[Row], tmp_path: Path) -> None:
    page, html = tmp_path / "page.md", tmp_path / "blocked" / "page.html"
    (tmp_path / "blocked").write_text("a file, where a folder is needed")
    assert problem(rows, page, html=html) == f"{html}: cannot be written: File exists"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "blocked"]


def test_figures_are_drawn_only_where_they_are_shown(
    rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables alone need no matplotlib."""
    monkeypatch.undo()
    monkeypatch.setattr(canvas, "render", None)
    page = tmp_path / "page.md"
    page.write_text("<!-- report: tiny scores -->\n<!-- end -->\n")
    assert [*make_report(rows, page).files] == [page]
