from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from atlop.documents import Document
from atlop.errors import DataError, MissingExtraError
from atlop.knowledge import FOLDERS, FORMS, Graph, write
from atlop.knowledge.export import neo4j, registry

FILES = [form for form in FORMS if form not in FOLDERS]


def problem(work: Callable[[], object]) -> str:
    with pytest.raises(DataError) as caught:
        work()
    return str(caught.value)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_written_and_again_the_same(two_documents: list[Document], tmp_path: Path, form: str) -> None:
    for name in ("first", "second"):
        write(iter(two_documents), tmp_path / name, form)
    paths = [tmp_path] if form not in FOLDERS else [tmp_path / "first", tmp_path / "second"]
    written = [path.read_bytes() for folder in paths for path in sorted(folder.iterdir())]
    half = len(written) // 2
    assert all(written)
    assert written[:half] == written[half:]


@pytest.mark.parametrize("form", FORMS)
def test_a_graph_of_nothing_can_be_written(tmp_path: Path, form: str) -> None:
    write([], tmp_path / "empty", form)
    assert (tmp_path / "empty").exists()


@pytest.mark.parametrize("form", FILES)
def test_what_fails_leaves_the_file_as_it_was(two_documents: list[Document], tmp_path: Path, form: str) -> None:
    target = tmp_path / "file"
    target.write_text("before")
    assert problem(lambda: write([*two_documents, *two_documents], target, form)).startswith(
        "document 'Ada': title: got 2"
    )
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_whole_or_not_there(
    two_documents: list[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(graph: Graph) -> dict[str, Iterator[bytes]]:
        def pieces() -> Iterator[bytes]:
            yield b"half"
            raise KeyboardInterrupt

        return {"first": iter([b"whole"]), "second": pieces()}

    monkeypatch.setattr(neo4j, "neo4j", broken)
    with pytest.raises(KeyboardInterrupt):
        write(two_documents, tmp_path / "folder", "neo4j")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_refused(two_documents: list[Document], tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    expected = f"{tmp_path}: is not an empty folder; choose a new one, as a folder is not replaced"
    assert problem(lambda: write(two_documents, tmp_path, "neo4j")) == expected
    assert (tmp_path / "mine").read_text() == "mine"


def test_the_current_folder_is_refused(
    two_documents: list[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    expected = ".: is the current folder, which cannot be replaced; choose a new one"
    assert problem(lambda: write(two_documents, ".", "neo4j")) == expected


def test_a_link_to_an_empty_folder_stays_a_link(two_documents: list[Document], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    write(two_documents, tmp_path / "link", "neo4j")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "empty" / "facts.csv").exists()


def test_a_title_twice_is_found_as_soon_as_it_comes(two_documents: list[Document], tmp_path: Path) -> None:
    documents = iter([two_documents[0], two_documents[0], two_documents[1]])
    expected = "got 2 documents with this title, expected every title once, as facts are traced by it"
    assert problem(lambda: write(documents, tmp_path / "file", "html")) == f"document 'Ada': title: {expected}"
    assert next(documents) == two_documents[1]


def test_a_place_that_is_not_there_is_an_error(two_documents: list[Document], tmp_path: Path) -> None:
    for form in FORMS:
        target = tmp_path / "none" / "file"
        expected = f"{target}: cannot be written: No such file or directory"
        assert problem(lambda form=form, target=target: write(two_documents, target, form)) == expected


def test_a_lone_surrogate_cannot_even_be_in_a_document() -> None:
    expected = r"title: got 'Ada\ud800' (str), expected characters that UTF-8 can encode, unlike a lone surrogate"
    assert problem(lambda: Document("Ada\ud800", ())).endswith(expected)


def test_another_form_is_refused(tmp_path: Path) -> None:
    expected = "got the form 'rdf', expected one of turtle, ntriples, jsonld, graphml, neo4j, parquet, html"
    assert problem(lambda: write([], tmp_path / "file", "rdf")) == f"{tmp_path / 'file'}: {expected}"


@pytest.mark.parametrize(
    ("form", "package"), [("turtle", "pyoxigraph"), ("graphml", "networkx"), ("parquet", "pyarrow")]
)
def test_a_missing_package_is_told(
    two_documents: list[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, package: str
) -> None:
    for name in [name for name in sys.modules if name.startswith("atlop.knowledge.") and "registry" not in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    documents = iter(two_documents)
    needs = "needs packages that are not installed: pip install 'atlop[graph]'"
    for write_or_check in (partial(registry.write, documents), registry.check_target):
        with pytest.raises(MissingExtraError) as caught:
            write_or_check(tmp_path / "file", form)
        assert str(caught.value) == f"the form '{form}' {needs}"
    assert next(documents) == two_documents[0]
