"""A report on sweeps: a Markdown page with tables and links to figures, and the same as one HTML page.

A page says where a table goes, and everything between the two comments is replaced:

    <!-- report: SWEEP TABLE -->
    <!-- end -->

``TABLE`` is the name of a table, that of a figure, or ``figures`` for all figures. Text outside the comments stays.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from atlop.errors import AtlopError, DataError, reason, shown
from atlop.experiments.block import Picture
from atlop.experiments.figures import CHARTS, pictures
from atlop.experiments.page import html_page
from atlop.experiments.results import Results, by_sweep
from atlop.experiments.row import Row
from atlop.experiments.tables import INTRODUCTION, TITLES, tables

FIGURES = "figures"
"""The name of a block of all figures."""

BEGIN = re.compile(r"<!-- report:.*")
PLACE = re.compile(
    r"<!-- report: (?P<sweep>\S+) (?P<name>\S+) -->[ \t]*\r?\n(?:(?!<!-- report:).)*?<!-- end -->", re.DOTALL
)
"""Where a table goes; a block ends before the next one begins."""

Pictures = Mapping[str, Sequence[Picture]]
"""The figures of each sweep that was drawn, by its name."""


@dataclass(frozen=True)
class Report:
    """A report that has not been written yet."""

    files: dict[Path, bytes]
    """Contents by path; figures come first, so that a page never links to a missing one."""
    left_out: tuple[str, ...]
    """Sweeps of which the page shows nothing."""

    def write(self) -> None:
        """Write all files; none replaces an older one before all are written under temporary names.

        Raises:
            AtlopError: if one of them cannot be written.
        """
        staged = {path: path.with_name(f".{path.name}.tmp") for path in self.files}
        try:
            for path, temporary in staged.items():
                with _written(path):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    temporary.write_bytes(self.files[path])
            for path, temporary in staged.items():
                with _written(path):
                    temporary.replace(path)
        finally:
            for temporary in staged.values():
                with suppress(OSError):  # it is in its place, or could not be written
                    temporary.unlink()


def make_report(rows: Iterable[Row], output: Path, *, html: Path | None = None, figures: Path | None = None) -> Report:
    """Make a report; figures are drawn only if one of the pages shows them, or a folder for them is given.

    Args:
        rows: the rows of any number of sweeps.
        output: the Markdown page; blocks of every sweep are added to a page that has none.
        html: the HTML page, if there should be one.
        figures: the folder of the figures; by default beside the page, ``results-figures`` for ``results.md``.

    Raises:
        AtlopError: if the page cannot be read.
        DataError: if there are no rows, one is given twice, or a block of the page is malformed or unknown.
        MissingExtraError: if figures are to be drawn and matplotlib is not installed.
    """
    sweeps = by_sweep(rows)
    if not sweeps:
        raise DataError("got results without a row, expected at least one")
    # Not `results/`: such a folder beside `results.md` is likely to hold the results themselves.
    folder = figures or output.with_name(f"{output.stem}-figures")
    page = with_blocks(_read(output), sweeps)
    named = {place["sweep"] for place in PLACE.finditer(page)}
    drawn = {one.sweep: pictures(one) for one in sweeps if html or figures or one.sweep in _illustrated(page)}
    files = {folder / picture.file: picture.png for sweep in drawn.values() for picture in sweep}
    if html:
        files[html] = html_page(sweeps, drawn).encode()
    files[output] = fill(page, sweeps, drawn, file=output, folder=_link(folder, output)).encode()
    return Report(files, tuple(one.sweep for one in sweeps if one.sweep not in named))


def _link(folder: Path, page: Path) -> str:
    """Return the link from a page to a folder: relative, unless they are on different drives of Windows."""
    try:
        return quote(Path(os.path.relpath(folder, page.parent)).as_posix())
    except ValueError:
        return folder.absolute().as_uri()


def _read(path: Path) -> str:
    """Return the text of a page, empty if there is none; line ends stay as they are."""
    try:
        return path.read_bytes().decode() if path.exists() else ""
    except (OSError, ValueError) as error:
        raise AtlopError(f"{path}: cannot be read: {reason(error)}") from error


def with_blocks(page: str, sweeps: Sequence[Results]) -> str:
    """Return a page with blocks: unchanged if it has any, else with those of all tables and figures at its end."""
    if BEGIN.search(page):
        return page
    names = ", ".join(results.sweep for results in sweeps)
    before = page.rstrip() or f"# Results of {names}\n\n{INTRODUCTION}"
    return "\n\n".join([before, *(part for results in sweeps for part in _empty_blocks(results))]) + "\n"


def _empty_blocks(results: Results) -> Iterator[str]:
    """Yield the headings and blocks of a sweep."""
    yield f"## {results.sweep}"
    available = _available(results)
    for name, title in TITLES.items():
        if name in available:
            yield f"### {title}\n\n<!-- report: {results.sweep} {name} -->\n<!-- end -->"


def _available(results: Results) -> list[str]:
    """Return the names of what a sweep has to show."""
    charts = [name for name, chart in CHARTS.items() if chart.has_data(results)]
    return [*tables(results), *([FIGURES] if charts else []), *charts]


def _illustrated(page: str) -> set[str]:
    """Return the sweeps of which a page shows figures."""
    return {place["sweep"] for place in PLACE.finditer(page) if place["name"] in (FIGURES, *CHARTS)}


def fill(page: str, sweeps: Sequence[Results], drawn: Pictures, *, file: Path, folder: str) -> str:
    """Return a page with its blocks filled in.

    Args:
        page: the page.
        sweeps: what its blocks may show.
        drawn: the figures of the sweeps of which it shows figures.
        file: the name of the page, for errors.
        folder: the link to the folder of the figures.

    Raises:
        DataError: if a block is malformed, or there is no such sweep or table.
    """
    found = {results.sweep: results for results in sweeps}
    _check(page, found, file)

    def filled(place: re.Match[str]) -> str:
        begin = f"<!-- report: {place['sweep']} {place['name']} -->"
        return f"{begin}\n\n{made(found[place['sweep']], place['name'], drawn, folder)}\n\n<!-- end -->"

    return PLACE.sub(filled, page)


def made(results: Results, name: str, drawn: Pictures, folder: str) -> str:
    """Return the content of a block."""
    if name in (FIGURES, *CHARTS):
        chosen = [picture for picture in drawn[results.sweep] if name in (FIGURES, picture.name)]
        return "\n\n".join(picture.markdown(folder) for picture in chosen)
    return tables(results)[name].markdown()


def _check(page: str, found: Mapping[str, Results], file: Path) -> None:
    """Check every block of a page."""
    places = {place.start(): place for place in PLACE.finditer(page)}
    for begin in BEGIN.finditer(page):
        line = f"{file}: line {page.count(chr(10), 0, begin.start()) + 1}"
        place = places.get(begin.start())
        if place is None:
            expected = "expected <!-- report: SWEEP TABLE --> and, further down, <!-- end -->"
            raise DataError(f"got {shown(begin[0].strip())}, {expected}", file=line)
        _check_known("sweep", place["sweep"], list(found), line)
        _check_known("table", place["name"], _available(found[place["sweep"]]), line)


def _check_known(kind: str, name: str, known: list[str], line: str) -> None:
    if name not in known:
        raise DataError(f"got {kind} {shown(name)}, expected one of {', '.join(known)}", file=line)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into one that names the file."""
    try:
        yield
    except OSError as error:
        raise AtlopError(f"{path}: cannot be written: {reason(error)}") from error
