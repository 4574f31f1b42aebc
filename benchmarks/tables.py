"""Fills the tables of docs/performance.md from the results that the benchmarks kept, the newest of each kind.

    python -m benchmarks.tables

The page says where each goes, and everything between the two comments is written anew:

    <!-- results: predict -->
    <!-- end -->
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks.report import RESULTS, kept, newest
from benchmarks.rows import TABLES, Entry

PAGE = RESULTS.parents[1] / "performance.md"

PLACE = re.compile(r"<!-- results: (?P<name>[\w-]+) -->\n.*?<!-- end -->", re.DOTALL)
"""Where something made of results goes."""

PICTURES = {
    "plot-speed": "Seconds a document of the textbook and of atlop",
    "plot-entities": "Memory and time against the number of entities",
    "plot-length": "Memory and time against the number of words",
    "plot-corpus": "Resident memory over a run",
}
"""What the plots show."""


def fill(page: str, folder: Path = RESULTS) -> str:
    """Give a page with everything that is made of results made anew."""

    def filled(place: re.Match[str]) -> str:
        return f"<!-- results: {place['name']} -->\n\n{made(place['name'], folder)}\n\n<!-- end -->"

    return PLACE.sub(filled, page)


def made(name: str, folder: Path = RESULTS) -> str:
    """Give what goes to a place of some name: a plot, or a table with its commands."""
    if name in PICTURES:
        file = folder / f"{name.removeprefix('plot-')}.svg"
        return f"![{PICTURES[name]}](results/performance/{file.name})" if file.exists() else "Not drawn yet."
    part = TABLES[name]
    entries = [entry for benchmark in part.benchmarks for entry in newest(kept(benchmark, folder), *part.options)]
    shown = [(entry, rows) for entry in entries if (rows := list(part.rows(entry)))]
    if not shown:
        return "Not measured yet."
    body = table(part.columns, (row for _, rows in shown for row in rows))
    return f"{body}\n\n{origin([entry for entry, _ in shown])}"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Lay out a table in Markdown."""
    header = list(header)
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows))


def origin(entries: list[Entry]) -> str:
    """Say when, on what and by which commands results were measured."""
    measured = "; ".join(sorted({f"{entry['date']}, {machine_name(entry)}" for entry in entries}))
    commands = "\n".join(entry["command"] for entry in entries)
    return f"{measured}:\n\n```bash\n{commands}\n```"


def machine_name(entry: Entry) -> str:
    """Name what a result was measured on."""
    facts = entry["machine"]
    gpu = f"{facts['gpu']}, " if "gpu" in facts else ""
    return f"{gpu}{facts['processor']}, {facts['cores']} cores, {facts['threads']} threads, torch {facts['torch']}"


def main() -> None:
    """Write the page with its tables made anew."""
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
