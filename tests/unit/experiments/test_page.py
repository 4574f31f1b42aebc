"""The HTML page is well formed, complete, and fetches nothing."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from atlop.experiments.block import Picture
from atlop.experiments.page import html_page
from atlop.experiments.results import by_sweep
from atlop.experiments.row import Row

MakeRow = Callable[..., Row]

VOID = {"meta", "img"}
FETCHING = ("src", "href", "srcset", "data", "action", "poster", "background")
PNG = b"\x89PNG of a test"


class Reader(HTMLParser):
    """Collects elements, attributes and text, and checks that what is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


@pytest.fixture
def page(make_row: MakeRow) -> str:
    rows = [make_row("<b>&\"'", command="atlop train <x>", note="a <i>note</i>"), make_row(sweep="second")]
    picture = Picture("ablations", "tiny-ablations.png", 'F1 of "full" & <others>', PNG)
    return html_page(by_sweep(rows), {"tiny": [picture], "second": []})


def test_the_page_is_well_formed(page: str) -> None:
    read = Reader(page)
    assert read.open == []
    assert read.texts["title"] == read.texts["h1"] == ["Results of tiny, second"]
    assert read.texts["h2"] == ["tiny", "second"]
    headings = ["Scores", "F1 by kind of fact and size of document", "Calibration error"]
    headings += ["Change of F1 from epoch to epoch", "Figures", "Commands"]
    assert read.texts["h3"] == headings + [heading for heading in headings if heading != "Figures"]


def test_text_is_escaped(page: str) -> None:
    read = Reader(page)
    assert read.texts["td"][0] == "<b>&\"'"
    assert read.texts["pre"][0] == "# <b>&\"'\natlop train <x>"
    assert "<b>&\"': a <i>note</i>" in read.texts["p"]
    assert {tag for tag, _ in read.found}.isdisjoint({"b", "i", "x", "others", "script", "link", "iframe"})


def test_nothing_is_fetched(page: str) -> None:
    targets = [value or "" for _, given in Reader(page).found for name, value in given.items() if name in FETCHING]
    assert len(targets) == 3
    assert all(target.startswith(("#", "data:image/png;base64,")) for target in targets)
    assert not re.search(r"url\(|@import|https?:|//", page.replace(base64.b64encode(PNG).decode(), ""))


def test_figures_are_in_the_page(page: str) -> None:
    (image,) = (given for tag, given in Reader(page).found if tag == "img")
    assert image["alt"] == 'F1 of "full" & <others>'
    assert base64.b64decode((image["src"] or "").partition(",")[2]) == PNG


def test_numbers_are_aligned(page: str) -> None:
    assert '<tr><td>full</td><td class="number">1</td><td class="number">60.00</td>' in page


def test_one_sweep_needs_no_contents(make_row: MakeRow) -> None:
    assert "<ul>" not in html_page(by_sweep([make_row()]), {"tiny": []})
