"""The page, rendered by Chromium where there is one."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atlop.documents import Document
from atlop.knowledge import write
from atlop.knowledge.export.page import _ASSETS


def data(path: Path) -> Any:
    text = path.read_bytes().decode()
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


@pytest.fixture(scope="session")
def render(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], str]:
    """Return the document that a page has become once its scripts have run."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("there is no Chromium; apt-get install chromium")
    profile = tmp_path_factory.mktemp("profile")

    def rendered(page: Path) -> str:
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        command = [browser, *options, "--virtual-time-budget=5000", "--dump-dom", page.as_uri()]
        return subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout

    return rendered


def test_the_page_holds_the_graph(two_documents: list[Document], tmp_path: Path) -> None:
    write(two_documents, tmp_path / "page.html", "html")
    found = data(tmp_path / "page.html")
    assert [node["label"] for node in found["nodes"]] == [
        "Ada Lovelace",
        "United Kingdom",
        "London",
        "Analytical Engine",
    ]
    assert [edge["relation"] for edge in found["edges"]] == ["P27", "P17", "P27", "wrote about"]
    assert found["edges"][0]["sentences"] == ["Ada Lovelace here .", "United Kingdom here ."]


def test_the_page_fetches_nothing_and_names_the_licence(tmp_path: Path) -> None:
    write([], tmp_path / "page.html", "html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.findall(r"""<(?:script|link|img)[^>]+(?:src|href)=""", page)
    assert "The Cytoscape Consortium" in page
    assert "Permission is hereby granted, free of charge" in (_ASSETS / "cytoscape.LICENSE").read_text(encoding="utf-8")


def test_a_browser_draws_the_graph_and_lists_the_facts(
    two_documents: list[Document], tmp_path: Path, render: Callable[[Path], str]
) -> None:
    write(two_documents, tmp_path / "page.html", "html")
    shown = render(tmp_path / "page.html")
    assert 'data-drawn="4 nodes, 3 edges"' in shown
    assert "4 entities, 4 facts, 2 documents" in shown
    assert len(re.findall(r"<li class=\"\" dir=\"auto\"><button", shown)) == 4
    assert '<mark class="" dir="auto">United Kingdom</mark> here .' in shown


def test_hostile_names_pass(hostile: str, make_hostile: Callable[[str], Document], tmp_path: Path) -> None:
    document = make_hostile(hostile)
    write([document], tmp_path / "page.html", "html")
    found = data(tmp_path / "page.html")
    assert found["nodes"][0]["names"] == [f"{hostile}1", f"{hostile}2"]
    assert found["edges"][0] | {"relation": hostile, "document": hostile} == found["edges"][0]
    assert found["edges"][0]["sentences"] == [document.text]


@pytest.mark.slow
def test_a_browser_shows_hostile_names_as_text(
    hostile: str, make_hostile: Callable[[str], Document], tmp_path: Path, render: Callable[[Path], str]
) -> None:
    write([make_hostile(hostile)], tmp_path / "page.html", "html")
    shown = render(tmp_path / "page.html")
    assert "<title>Knowledge graph</title>" in shown
    assert 'data-drawn="1 nodes, 1 edges"' in shown
    visible = html.unescape(re.sub(r"<[^>]*>", "", shown[shown.index("<main>") : shown.index("</main>")]))
    assert hostile.replace("\r\n", "\n").replace("\r", "\n") in visible.replace("\r\n", "\n").replace("\r", "\n")
