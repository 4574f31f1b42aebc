"""Graphs on disk: what changes them, what does not, and what is left of a change that fails."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Quad, Store

from atlop.documents import Document, Relation
from atlop.errors import DataError
from atlop.knowledge import Graph, Source, changes, generations
from atlop.knowledge.generations import POINTER
from atlop.knowledge.rdf.terms import INDEX_GRAPH
from atlop.knowledge.rdf.triples import graph_triples
from atlop.knowledge.store import changing, opened

RESTORE = "restore it from a copy, or add the documents to a new graph"


def add(folder: Path, documents: Sequence[Document], *, replace: bool = False) -> None:
    with changing(folder) as graph:
        for document in documents:
            graph.add(document, replace=replace)


def remove(folder: Path, *titles: str) -> None:
    with changing(folder) as graph:
        for title in titles:
            graph.remove(title)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def content(folder: Path) -> set[Quad]:
    with opened(folder) as graph:
        return set(graph.database)


def problem(work: Callable[[], object]) -> str:
    with pytest.raises(DataError) as caught:
        work()
    return str(caught.value)


def test_a_graph_is_read_back(two_documents: list[Document], tmp_path: Path) -> None:
    add(tmp_path / "new" / "store", two_documents)
    with opened(tmp_path / "new" / "store") as graph:
        assert graph.titles() == ["Ada", "Engine"]
        assert graph.source("Ada") == Source.of(two_documents[0])
        assert graph.graph() == Graph.of_documents(two_documents)


def test_it_holds_the_triples_of_an_export(two_documents: list[Document], tmp_path: Path) -> None:
    add(tmp_path, two_documents)
    triples = {quad.triple for quad in content(tmp_path) if quad.graph_name != INDEX_GRAPH}
    assert triples == set(graph_triples(Graph.of_documents(two_documents)))


def test_a_document_that_is_removed_leaves_no_trace(two_documents: list[Document], tmp_path: Path) -> None:
    add(tmp_path, two_documents[:1])
    before = content(tmp_path)
    add(tmp_path, two_documents[1:])
    with opened(tmp_path) as graph:
        assert graph.graph() == Graph.of_documents(two_documents)  # every edge with its document and sentences
    remove(tmp_path, "Engine")
    assert content(tmp_path) == before


def test_a_shared_fact_stays_while_a_document_states_it(two_documents: list[Document], tmp_path: Path) -> None:
    add(tmp_path, two_documents)
    remove(tmp_path, "Ada")
    with opened(tmp_path) as graph:
        assert graph.graph() == Graph.of_documents(two_documents[1:])
    remove(tmp_path, "Engine")
    assert content(tmp_path) == set()


@pytest.mark.slow
@settings(max_examples=20)
@given(st.lists(st.lists(st.tuples(st.booleans(), st.integers(0, 7)), max_size=6), min_size=1, max_size=4))
def test_a_graph_depends_on_its_documents_alone(
    random_document: Callable[[int], Document],
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[list[tuple[bool, int]]],
) -> None:
    folder, there = tmp_path_factory.mktemp("store"), set()
    for step in steps:
        with changing(folder / "grown") as graph:
            for adds, number in step:
                if adds:
                    graph.add(random_document(number), replace=True)
                    there.add(number)
                elif number in there:
                    graph.remove(f"Document {number}")
                    there.remove(number)
    add(folder / "fresh", [random_document(number) for number in there])
    assert content(folder / "grown") == content(folder / "fresh")
    shutil.rmtree(folder)


@pytest.mark.slow
def test_a_document_joins_a_graph_of_a_thousand_and_leaves_it(
    random_document: Callable[[int], Document], tmp_path: Path
) -> None:
    documents = [random_document(number) for number in range(1001)]
    add(tmp_path, documents[:1000])
    before = content(tmp_path)
    add(tmp_path, documents[1000:])
    with opened(tmp_path) as graph:
        edges = {edge.id: edge for edge in graph.graph().edges}
    assert edges == {edge.id: edge for edge in Graph.of_documents(documents).edges}
    remove(tmp_path, documents[1000].title)
    assert content(tmp_path) == before
    with opened(tmp_path) as graph:
        edges = {edge.id: edge for edge in graph.graph().edges}
    assert edges == {edge.id: edge for edge in Graph.of_documents(documents[:1000]).edges}


def test_more_documents_than_a_block(
    random_document: Callable[[int], Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "BLOCK", 2)
    documents = [random_document(number) for number in range(5)]
    add(tmp_path, documents)
    with opened(tmp_path) as graph:
        assert set(graph.graph().edges) == set(Graph.of_documents(documents).edges)


def test_a_document_can_be_replaced(two_documents: list[Document], tmp_path: Path) -> None:
    add(tmp_path / "old", two_documents)
    changed = two_documents[0].with_relations((Relation(2, 0, "P1"),))
    add(tmp_path / "old", [changed], replace=True)
    add(tmp_path / "new", [changed, two_documents[1]])
    assert content(tmp_path / "old") == content(tmp_path / "new")


def test_a_title_that_is_there_is_refused_and_nothing_is_added(two_documents: list[Document], tmp_path: Path) -> None:
    add(tmp_path, two_documents[:1])
    before = content(tmp_path)
    expected = "document 'Ada': is in this graph already; replace it, or remove it first"
    assert problem(lambda: add(tmp_path, two_documents[::-1])) == expected
    assert content(tmp_path) == before


def test_a_title_twice_in_one_addition_is_refused(two_documents: list[Document], tmp_path: Path) -> None:
    expected = "document 'Ada': is in this graph already; replace it, or remove it first"
    assert problem(lambda: add(tmp_path / "store", two_documents[:1] * 2)) == expected
    assert not (tmp_path / "store").exists()


def test_what_is_not_there_cannot_be_removed_or_read(two_documents: list[Document], tmp_path: Path) -> None:
    add(tmp_path, two_documents)
    assert problem(lambda: remove(tmp_path, "Ada", "Ada")) == "document 'Ada': is not in this graph"
    with opened(tmp_path) as graph:
        assert problem(lambda: graph.source("Babbage")) == "document 'Babbage': is not in this graph"
        assert graph.titles() == ["Ada", "Engine"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_change_leaves_nothing(
    two_documents: list[Document], tmp_path: Path, error: type[BaseException]
) -> None:
    add(tmp_path, two_documents[:1])
    files, before = names(tmp_path), content(tmp_path)

    def interrupted() -> None:
        with changing(tmp_path) as graph:
            graph.add(two_documents[1])
            raise error

    with pytest.raises(error):
        interrupted()
    assert (names(tmp_path), content(tmp_path)) == (files, before)


def killed(folder: Path, document: Document) -> None:
    with changing(folder) as graph:
        graph.add(document)
        os._exit(9)


def test_the_leftovers_of_a_killed_process_are_removed(two_documents: list[Document], tmp_path: Path) -> None:
    add(tmp_path, two_documents[:1])
    before = content(tmp_path)
    process = multiprocessing.get_context("spawn").Process(target=killed, args=(tmp_path, two_documents[1]))
    process.start()
    process.join()
    assert process.exitcode == 9
    assert content(tmp_path) == before
    assert len(list(tmp_path.glob("generation-*"))) == 2
    add(tmp_path, two_documents[1:])
    assert len(list(tmp_path.glob("generation-*"))) == 1
    with opened(tmp_path) as graph:
        assert graph.titles() == ["Ada", "Engine"]


def test_only_one_process_changes_a_graph(two_documents: list[Document], tmp_path: Path) -> None:
    with changing(tmp_path):
        found = problem(lambda: add(tmp_path, two_documents))
    assert found == f"{tmp_path}: another process is changing this graph; wait until it ends"


def test_a_graph_can_be_read_while_it_is_changed(two_documents: list[Document], tmp_path: Path) -> None:
    add(tmp_path, two_documents[:1])
    with changing(tmp_path) as graph:
        graph.add(two_documents[1])
        with opened(tmp_path) as before:
            assert before.titles() == ["Ada"]


def test_what_is_no_graph_is_refused(two_documents: list[Document], tmp_path: Path) -> None:
    def read(folder: Path) -> None:
        with opened(folder):
            pass

    missing = "no such folder, expected a graph that atlop graph add has made"
    assert problem(lambda: read(tmp_path / "none")) == f"{tmp_path / 'none'}: {missing}"
    empty = f"holds no graph, expected the file {POINTER} that atlop graph add writes"
    assert problem(lambda: read(tmp_path)) == f"{tmp_path}: {empty}"
    (tmp_path / "notes.txt").write_text("mine")
    other = "holds 'notes.txt' and no graph, expected a graph, an empty folder, or none yet"
    assert problem(lambda: add(tmp_path, two_documents)) == f"{tmp_path}: {other}"
    assert names(tmp_path) == ["notes.txt"]
    (tmp_path / POINTER).write_text('{"format": 2}')
    newer = "got format 2 (int), this atlop reads format 1"
    assert problem(lambda: read(tmp_path)) == f"{tmp_path / POINTER}: {newer}"
    (tmp_path / POINTER).write_text("no json")
    assert problem(lambda: read(tmp_path)).startswith(f"{tmp_path / POINTER}: cannot be read: ")
    (tmp_path / "generation-1" / "database").mkdir(parents=True)
    (tmp_path / POINTER).write_text('{"format": 1, "generation": 1}')
    assert problem(lambda: read(tmp_path)).startswith(f"{tmp_path / 'generation-1' / 'database'}: cannot be read: ")
    file = tmp_path / POINTER
    assert problem(lambda: read(file)) == f"{file}: is a file, expected the folder of a graph"
    assert problem(lambda: add(file, two_documents)) == f"{file}: is a file, expected the folder of a graph"


@pytest.mark.parametrize(("number", "found"), [(None, "None (NoneType)"), (True, "True (bool)"), (2, "2 (int)")])
def test_a_damaged_pointer_removes_nothing(
    two_documents: list[Document], tmp_path: Path, number: object, found: str
) -> None:
    add(tmp_path, two_documents[:1])
    (tmp_path / POINTER).write_text(json.dumps({"format": 1, "generation": number}))
    expected = f"{tmp_path / POINTER}: generation: got {found}, expected the number of a folder generation-NUMBER here"
    for work in (lambda: content(tmp_path), lambda: add(tmp_path, two_documents[1:])):
        assert problem(work) == f"{expected}; correct the file"
    (tmp_path / POINTER).write_text('{"format": 1, "generation": 1}')
    add(tmp_path, two_documents[1:])
    with opened(tmp_path) as graph:
        assert graph.titles() == ["Ada", "Engine"]


def test_a_missing_pointer_removes_nothing(two_documents: list[Document], tmp_path: Path) -> None:
    add(tmp_path, two_documents[:1])
    before = (tmp_path / POINTER).read_text()
    (tmp_path / POINTER).unlink()
    problems = "holds 'generation-1', which is complete, and no graph.json"
    todo = """write {"format": 1, "generation": 1} into graph.json, or remove 'generation-1'"""
    assert problem(lambda: add(tmp_path, two_documents[1:])) == f"{tmp_path}: {problems}; {todo}"
    (tmp_path / POINTER).write_text(before)
    with opened(tmp_path) as graph:
        assert graph.titles() == ["Ada"]


DAMAGE = {
    "no census": ("census.jsonl", None, "No such file or directory"),
    "a census that is no JSON": ("census.jsonl", "no json", "Expecting value: line 1 column 1 (char 0)"),
    "a census of something else": ("census.jsonl", "[]", "not enough values to unpack (expected 3, got 0)"),
    "a census of numbers": ("census.jsonl", "[1, 2, 3]", "'int' object is not iterable"),
}


@pytest.mark.parametrize(("name", "text", "why"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_census_is_told(
    two_documents: list[Document], tmp_path: Path, name: str, text: str | None, why: str
) -> None:
    add(tmp_path, two_documents[:1])
    file = tmp_path / "generation-1" / name
    file.unlink() if text is None else file.write_text(text)
    assert problem(lambda: add(tmp_path, two_documents[1:])).endswith(f"{name}: cannot be read: {why}; {RESTORE}")
    with opened(tmp_path) as graph:
        assert graph.titles() == ["Ada"]


@pytest.mark.parametrize("data", [None, b"", b"no zip", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_damaged_neighbours_are_told(two_documents: list[Document], tmp_path: Path, data: bytes | None) -> None:
    add(tmp_path, two_documents)
    file = tmp_path / "generation-1" / "neighbours.npz"
    file.unlink() if data is None else file.write_bytes(data)
    with opened(tmp_path) as graph:
        found = problem(lambda: graph.neighbours)
    assert found.startswith(f"{file}: cannot be read: ")
    assert found.endswith(RESTORE)


def test_a_damaged_database_is_told(two_documents: list[Document], tmp_path: Path) -> None:
    add(tmp_path, two_documents[:1])
    database = tmp_path / "generation-1" / "database"
    (database / "CURRENT").write_text("damaged")
    for work in (lambda: content(tmp_path), lambda: add(tmp_path, two_documents[1:])):
        assert problem(work).startswith(f"{database}: cannot be read: ")


def test_an_error_of_the_caller_stays_as_it_is(two_documents: list[Document], tmp_path: Path) -> None:
    error = FileNotFoundError(2, "No such file or directory", "mine.txt")
    with pytest.raises(FileNotFoundError) as caught, changing(tmp_path):
        raise error
    assert caught.value is error


@pytest.mark.parametrize("at", ["_write_waiting", "apply"])
def test_a_full_disk_is_told(
    two_documents: list[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(changes, "_quads" if at == "_write_waiting" else "_node_quads", full)
    expected = f"{tmp_path}: cannot be written: No space left on device"
    assert problem(lambda: add(tmp_path, two_documents)) == expected
    assert names(tmp_path) == []


def test_a_reader_keeps_what_it_reads(two_documents: list[Document], tmp_path: Path) -> None:
    add(tmp_path, two_documents[:1])
    with opened(tmp_path) as before:
        add(tmp_path, two_documents[1:])
        with opened(tmp_path) as after:
            assert (before.titles(), after.titles()) == (["Ada"], ["Ada", "Engine"])
        assert (len(before.neighbours.ids), len(after.neighbours.ids)) == (3, 4)
        assert names(tmp_path) == ["generation-1", "generation-2", "graph.json"]
    remove(tmp_path, "Ada")
    assert names(tmp_path) == ["generation-3", "graph.json"]


def test_a_reader_that_comes_too_late_reads_the_next(
    two_documents: list[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path, two_documents[:1])
    lock = generations._flocked

    def late(generation: Path, *, shared: bool) -> AbstractContextManager[bool]:
        monkeypatch.setattr(generations, "_flocked", lock)
        add(tmp_path, two_documents[1:])
        return lock(generation, shared=shared)

    monkeypatch.setattr(generations, "_flocked", late)
    with opened(tmp_path) as graph:
        assert graph.titles() == ["Ada", "Engine"]


def test_documents_are_replaced_a_block_at_a_time(
    random_document: Callable[[int], Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [random_document(number) for number in range(5)]
    add(tmp_path, documents)
    written: list[int] = []
    write = changes.Changes._write_waiting

    def counted(self: changes.Changes) -> None:
        written.append(len(self._waiting))
        write(self)

    monkeypatch.setattr(changes.Changes, "_write_waiting", counted)
    add(tmp_path, [*documents, documents[4]], replace=True)
    assert written == [5, 1]


def test_changes_may_be_applied_more_than_once(two_documents: list[Document], tmp_path: Path) -> None:
    with changing(tmp_path / "twice") as graph:
        for document in two_documents:
            graph.add(document)
        graph.apply()
        graph.remove("Ada")
    add(tmp_path / "once", two_documents[1:])
    assert content(tmp_path / "twice") == content(tmp_path / "once")


def test_a_folder_of_the_users_is_not_removed(two_documents: list[Document], tmp_path: Path) -> None:
    mine = tmp_path / "generation-1" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    other = "holds 'generation-1' and no graph, expected a graph, an empty folder, or none yet"
    assert problem(lambda: add(tmp_path, two_documents)) == f"{tmp_path}: {other}"
    assert mine.read_text() == "mine"


def test_a_graph_is_a_database_of_pyoxigraph(two_documents: list[Document], tmp_path: Path) -> None:
    add(tmp_path, two_documents)
    assert len(Store.read_only(str(tmp_path / "generation-1" / "database"))) == len(content(tmp_path))
