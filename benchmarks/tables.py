"""Fill the tables of docs/performance.md from the kept results.

    python -m benchmarks.tables

The page says where each table goes, and everything between the two comments is replaced:

    <!-- results: predict -->
    <!-- end -->
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks.report import BEFORE, RESULTS, Entry, kept, newest, processor_of
from benchmarks.rows import TABLES

PAGE = RESULTS.parents[1] / "performance.md"

PLACE = re.compile(r"<!-- results: (?P<name>[\w-]+) -->\n.*?<!-- end -->", re.DOTALL)
"""Where a table goes."""


def fill(page: str, folder: Path = RESULTS) -> str:
    """Return a page with its tables filled in."""

    def filled(place: re.Match[str]) -> str:
        return f"<!-- results: {place['name']} -->\n\n{made(place['name'], folder)}\n\n<!-- end -->"

    return PLACE.sub(filled, page)


def made(name: str, folder: Path = RESULTS) -> str:
    """Return a table with the commands that measured it."""
    part = TABLES[name]
    entries = newest(kept(part.benchmark, folder), *part.options)
    if not entries:
        return "Not measured yet."
    body = [(processor_of(entry), label(entry), *row) for entry in entries for row in part.rows(entry)]
    return f"{table(('Processor', 'Version', *part.columns), body)}\n\n{origin(entries)}"


def label(entry: Entry) -> str:
    """Return what the tables call the version of a result."""
    version: str = entry["version"]
    return BEFORE.get(version, version)


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Lay out a table in Markdown."""
    header = list(header)
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows))


def origin(entries: list[Entry]) -> str:
    """Say when, by which torch and by which commands results were measured."""
    facts = [(entry["date"], entry["machine"]) for entry in entries]
    when = sorted({f"{date}, {machine['threads']} threads, torch {machine['torch']}" for date, machine in facts})
    commands = dict.fromkeys(entry["command"] for entry in entries)
    return "\n".join([f"{'; '.join(when)}:", "", "```bash", *commands, "```"])


def main() -> None:
    """Write the page with its tables filled in."""
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
