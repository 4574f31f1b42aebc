"""Rebuild packages.tsv.gz from Debian's package index.

Run on Debian: apt-cache dumpavail | python examples/debian_tags/make_data.py
"""

from __future__ import annotations

import gzip
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).with_name("packages.tsv.gz")
LABELS = 100
"""Number of tags that are kept: the most frequent ones."""
FEWEST_TAGS = 4
"""Packages with fewer tags are left out, since most of them have the same few tags, which their names give away."""


class Package(NamedTuple):
    """A line of the file: a package and its tags."""

    source: str
    name: str
    description: str
    tags: tuple[str, ...]


def stanzas(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield the fields of each stanza of a Debian control file."""
    fields: dict[str, str] = {}
    key = ""
    for line in lines:
        if line.startswith((" ", "\t")):
            fields[key] += line.rstrip("\n")
        elif line.strip():
            key, _, value = line.rstrip("\n").partition(":")
            fields[key] = value.strip()
        elif fields:
            yield fields
            fields = {}
    if fields:
        yield fields


def expand(field: str) -> list[str]:
    """Return the tags of a ``Tag`` field, in which ``role::{program,plugin}`` is short for two of them."""
    tags = []
    for prefix, several, single in re.findall(r"([^\s,{]+)\{([^}]*)\}|([^\s,{]+)", field):
        tags += [prefix + name for name in several.split(",")] if several else [single]
    return [tag for tag in tags if not tag.startswith("special::") and not tag.endswith("::TODO")]


def packages(lines: Iterable[str]) -> list[Package]:
    """Return the packages of Debian main that have enough tags, sorted, each with all of its tags."""
    found = set()
    for fields in stanzas(lines):
        # "Source: name (version)"; the field is absent where package and source have the same name.
        source = fields.get("Source", fields["Package"]).split()[0]
        tags = expand(fields.get("Tag", ""))
        if len(tags) >= FEWEST_TAGS and fields["Filename"].startswith("pool/main/"):
            found.add(Package(source, fields["Package"], fields["Description"], tuple(tags)))
    return sorted(found)


def table(found: list[Package]) -> str:
    """Return the packages as tab-separated lines, each with those of its tags that are among the most frequent."""
    counts = Counter(tag for package in found for tag in package.tags)
    frequent = {tag for tag, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:LABELS]}
    lines = []
    for package in found:
        tags = " ".join(sorted(frequent.intersection(package.tags)))
        lines.append(f"{package.source}\t{package.name}\t{package.description}\t{tags}\n")
    return "".join(lines)


def main() -> None:
    """Write the file, without a timestamp, so that the same index gives the same bytes."""
    DATA.write_bytes(gzip.compress(table(packages(sys.stdin)).encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main()
