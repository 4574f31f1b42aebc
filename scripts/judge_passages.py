"""Extract from the ten passages and compare what is found with the facts that docs/passages.md lists.

    python scripts/judge_passages.py

Fills in the page: which listed facts are found and how confident they are, what is found besides, and the counts. What
is found besides is wrong, unless its last column was changed to true.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import atlop
from atlop import Document

ROOT = Path(__file__).resolve().parents[1]
PAGE, PASSAGES = ROOT / "docs" / "passages.md", ROOT / "examples" / "passages"

SECTION = re.compile(r"(?ms)^## (?P<name>\w+)\n\n(?P<quoted>(?:> .*?\n)+)\n(?P<rest>.*?)(?=^## |\Z)")
ROW = re.compile(r"(?m)^\| (?!Head|-)([^|\n]+?) \| ([^|\n]+?) \| ([^|\n]+?) \|(?: ([^|\n]*?) ?\|)?(?: ([^|\n]*?) \|)?$")
COUNTS = re.compile(r"(?s)<!-- counts -->\n.*?<!-- end -->")

Fact = tuple[str, str, str]
"""Names of head, relation and tail."""


@dataclass
class Judged:
    """The facts of a passage."""

    said: list[Fact]
    following: list[Fact]
    found: dict[Fact, tuple[float, tuple[int, ...]]]
    """Confidence and evidence of each, under the names that the page uses where it lists them."""
    true: set[Fact]
    """Facts besides those listed that were judged to be true."""

    @property
    def besides(self) -> list[Fact]:
        """What is found and not listed, most confident first."""
        others = self.found.keys() - {*self.said, *self.following}
        # Many facts have the same confidence, that of a plateau of its curve.
        return sorted(others, key=lambda fact: (-round(self.found[fact][0], 2), fact))

    @property
    def counts(self) -> tuple[int, int, int, int, int, int]:
        """Facts that are said, of which found, that follow, of which found, true besides, and wrong."""
        said, following = (sum(fact in self.found for fact in facts) for facts in (self.said, self.following))
        true = len(self.true & set(self.besides))
        return len(self.said), said, len(self.following), following, true, len(self.besides) - true


def rows(text: str) -> Iterator[tuple[Fact, str]]:
    """Yield the facts of a table, each with its last cell."""
    for head, relation, tail, *cells in ROW.findall(text):
        yield (head, relation, tail), cells[-1]


def facts_of(document: Document, listed: list[Fact]) -> dict[Fact, tuple[float, tuple[int, ...]]]:
    """Return what was found in a document, by the names of listed facts or else by the first name of each entity."""
    # In the text, the film and the novel have one name.
    known = {tuple(re.sub(r" \(\w+\)$", "", name).casefold() for name in fact): fact for fact in listed}
    found: dict[Fact, tuple[float, tuple[int, ...]]] = {}
    for relation in document.relations:
        heads, tails = (
            [mention.name for mention in document.entities[side].mentions] for side in (relation.head, relation.tail)
        )
        name = relation.name or relation.relation
        ways = [(head, name, tail) for head in heads for tail in tails]
        fact = next((known[way] for each in ways if (way := tuple(map(str.casefold, each))) in known), ways[0])
        evidence = tuple(sentence + 1 for sentence in relation.evidence or ())
        found[fact] = max(found.get(fact, (0.0, ())), (relation.confidence or 0.0, evidence))
    return found


def judge(extractor: atlop.RelationExtractor, name: str, rest: str) -> Judged:
    """Compare what is found in a passage with its section of the page."""
    said_rows, _, others = rest.partition("May follow:")
    following_rows, _, besides = others.partition("<!-- besides -->")
    said, following = ([fact for fact, _ in rows(part)] for part in (said_rows, following_rows))
    text = (PASSAGES / f"{name.lower()}.txt").read_text(encoding="utf-8")
    document = extractor.extract(Document.from_text(text, title=name))
    true = {fact for fact, judgement in rows(besides) if judgement == "true"}
    return Judged(said, following, facts_of(document, [*said, *following]), true)


def table(judged: Judged, facts: list[Fact]) -> str:
    """Return listed facts with the confidence of those that were found."""
    lines = ["| Head | Relation | Tail | Found |", "|---|---|---|---|"]
    found = {fact: f"{confidence:.2f}" for fact, (confidence, _) in judged.found.items()}
    return "\n".join(lines + [f"| {' | '.join(fact)} | {found.get(fact, '')} |" for fact in facts])


def besides(judged: Judged) -> str:
    """Return what was found and is not listed."""
    lines = ["| Head | Relation | Tail | Found | Judged |", "|---|---|---|---|---|"]
    for fact in judged.besides:
        verdict = "true" if fact in judged.true else "wrong"
        lines.append(f"| {' | '.join(fact)} | {judged.found[fact][0]:.2f} | {verdict} |")
    return "\n".join(lines) if judged.besides else "Nothing."


def section(name: str, quoted: str, judged: Judged) -> str:
    """Return a section of the page."""
    follow = f"May follow:\n\n{table(judged, judged.following)}"
    more = f"<!-- besides -->\nFound besides:\n\n{besides(judged)}"
    return f"## {name}\n\n{quoted}\n{table(judged, judged.said)}\n\n{follow}\n\n{more}\n\n"


def counts(found: dict[str, Judged]) -> str:
    """Return the counts of all passages."""
    lines = ["| Passage | Said | Found | Following | Found | True besides | Wrong |", "|---|---|---|---|---|---|---|"]
    numbers = {name: judged.counts for name, judged in found.items()}
    numbers["all"] = tuple(map(sum, zip(*numbers.values(), strict=True)))  # type: ignore[assignment]
    lines += [f"| {name} | {' | '.join(map(str, row))} |" for name, row in numbers.items()]
    return "<!-- counts -->\n\n" + "\n".join(lines) + "\n\n<!-- end -->"


def filled(page: str) -> str:
    """Return the page with what the bundled model finds."""
    extractor = atlop.load(device="cpu", precision="fp32")
    found = {part["name"]: judge(extractor, part["name"], part["rest"]) for part in SECTION.finditer(page)}
    page = SECTION.sub(lambda part: section(part["name"], part["quoted"], found[part["name"]]), page)
    return COUNTS.sub(lambda _: counts(found), page).rstrip("\n") + "\n"


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
