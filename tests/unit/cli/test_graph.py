"""``atlop graph``: what its commands print, write and refuse."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from atlop.cli import app, files
from atlop.documents import Document, Entity, Mention, Relation
from atlop.formats import write
from atlop.knowledge import FORMS, Graph
from atlop.knowledge.store import changing, opened

Run = Callable[..., Result]
NAMES = [("PER", "Ada Lovelace"), ("LOC", "London"), ("LOC", "United Kingdom"), ("MISC", "Analytical Engine")]
ENTITIES = tuple(Entity((Mention(i, 0, len(name.split()), kind, name),)) for i, (kind, name) in enumerate(NAMES))
SENTENCES = tuple((*name.split(), "is", "here", ".") for _, name in NAMES)
DOCUMENT = Document(
    "Ada",
    SENTENCES,
    ENTITIES,
    (Relation(0, 2, "P27", (0, 2), 0.75, "country of citizenship"), Relation(1, 2, "P17", None, 0.25, "country")),
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in a folder with ``ada.jsonl``."""
    monkeypatch.chdir(tmp_path)
    write([DOCUMENT], "ada.jsonl")

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["graph", *arguments])

    return call


@pytest.fixture
def added(run: Run) -> Run:
    """As ``run``, after the document was added to ``store``."""
    assert run("add", "store", "ada.jsonl").exit_code == 0
    return run


def test_documents_are_added_and_counted(run: Run, tmp_path: Path) -> None:
    out = run("add", "store", "ada.jsonl")
    assert (out.exit_code, out.stdout) == (0, "")
    assert out.stderr.startswith("atlop: added 1 document in ")
    with opened(tmp_path / "store") as graph:
        assert graph.graph() == Graph.of_documents([DOCUMENT])


def test_only_confident_relations_are_added(run: Run, tmp_path: Path) -> None:
    run("add", "store", "ada.jsonl", "--min-confidence", "0.5")
    with opened(tmp_path / "store") as graph:
        assert [fact.relation for fact in graph.source("Ada").facts] == ["P27"]


def test_a_document_is_added_once_or_replaced(added: Run, tmp_path: Path) -> None:
    out = added("add", "store", "ada.jsonl")
    expected = "atlop: document 'Ada': is in this graph already; replace it, or remove it first\n"
    assert (out.exit_code, out.stderr) == (1, expected)
    write([DOCUMENT.with_relations(())], tmp_path / "ada.jsonl")
    assert added("add", "store", "ada.jsonl", "--replace").exit_code == 0
    with opened(tmp_path / "store") as graph:
        assert graph.source("Ada").facts == ()


def test_a_malformed_document_stops_everything_or_is_skipped(run: Run, tmp_path: Path) -> None:
    with (tmp_path / "ada.jsonl").open("a") as file:
        file.write('{"title": "broken"}\n')
    assert run("add", "store", "ada.jsonl").exit_code == 1
    assert not (tmp_path / "store").exists()
    assert run("add", "store", "ada.jsonl", "--on-error", "skip").exit_code == 0
    with opened(tmp_path / "store") as graph:
        assert graph.titles() == ["Ada"]


def test_an_interrupted_addition_adds_nothing(added: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> object:
        yield Document("new", (("w",),)), 0
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "read_all", interrupted)
    out = added("add", "store", "ada.jsonl")
    assert (out.exit_code, out.stderr) == (130, "atlop: interrupted\n")
    with opened(tmp_path / "store") as graph:
        assert graph.titles() == ["Ada"]


def test_documents_are_removed(added: Run, tmp_path: Path) -> None:
    out = added("remove", "store", "Ada", "Nobody")
    assert (out.exit_code, out.stderr) == (1, "atlop: document 'Nobody': is not in this graph\n")
    assert added("remove", "store", "Ada").exit_code == 0
    with opened(tmp_path / "store") as graph:
        assert graph.titles() == []


def test_nothing_is_removed_where_there_is_no_graph(run: Run, tmp_path: Path) -> None:
    out = run("remove", "none", "Ada")
    expected = "atlop: none: no such folder, expected a graph that atlop graph add has made\n"
    assert (out.exit_code, out.stderr) == (1, expected)
    assert not (tmp_path / "none").exists()


CITIZENSHIP = [
    "Ada Lovelace (PER)  country of citizenship  United Kingdom (LOC)",
    "    Ada, 0.75: Ada Lovelace is here. … United Kingdom is here.",
]
COUNTRY = [
    "London (LOC)  country  United Kingdom (LOC)",
    "    Ada, 0.25: London is here. … United Kingdom is here.",
]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (["--entity", "ada lovelace"], CITIZENSHIP),
        (["--entity", "Analytical Engine"], ["no fact"]),
        (["--relation", "country"], COUNTRY),
        (["--relation", "P27"], CITIZENSHIP),
        (["--path", "Ada Lovelace", "London"], [*CITIZENSHIP, *COUNTRY]),
    ],
)
def test_questions_are_answered(added: Run, question: list[str], expected: list[str]) -> None:
    out = added("query", "store", *question)
    assert ([line.rstrip() for line in out.stdout.splitlines()], out.exit_code) == (expected, 0)


def test_the_limit_is_told(added: Run) -> None:
    lines = added("query", "store", "--entity", "United Kingdom", "--limit", "1").stdout.splitlines()
    assert len(lines) == 3
    assert lines[-1].rstrip() == "Only the first fact is shown; --limit shows more."


def test_what_is_about_entities_of_one_name_is_told_once(run: Run) -> None:
    namesakes = tuple(Entity((Mention(0, 0, 1, kind, "Paris"),)) for kind in ("PER", "LOC", "MISC"))
    facts = (Relation(0, 1, "born in"), Relation(1, 0, "named after"), Relation(2, 0, "painted by"))
    write([Document("Paris", (("Paris", "."),), namesakes, facts)], "ada.jsonl")
    run("add", "store", "ada.jsonl")
    found = json.loads(run("query", "store", "--entity", "Paris", "--json").stdout)
    assert sorted(fact["relation"] for fact in found) == ["born in", "named after", "painted by"]
    out = run("query", "store", "--entity", "Paris", "--limit", "2").stdout
    assert out.splitlines()[-1].rstrip() == "Only the first 2 facts are shown; --limit shows more."
    assert "--limit" not in run("query", "store", "--entity", "Paris", "--limit", "3").stdout


def test_the_path_between_namesakes_is_the_shortest(run: Run) -> None:
    names = [("LOC", "Paris"), ("PER", "Bo Li"), ("PER", "Ada Li"), ("PER", "Paris"), ("LOC", "Troy")]
    named = tuple(Entity((Mention(0, 0, 1, kind, name),)) for kind, name in names)
    facts = tuple(Relation(head, tail, "knows") for head, tail in ((0, 1), (1, 2), (2, 4), (3, 4)))
    write([Document("Paris", (("Paris", "."),), named, facts)], "ada.jsonl")
    run("add", "store", "ada.jsonl")
    for question in (["Paris", "Troy"], ["Troy", "Paris"]):
        (fact,) = json.loads(run("query", "store", "--path", *question, "--json").stdout)
        assert (fact["head"]["type"], fact["tail"]["label"]) == ("PER", "Troy")


def test_answers_are_json(added: Run) -> None:
    (fact,) = json.loads(added("query", "store", "--relation", "P27", "--json").stdout)
    assert (fact["head"]["label"], fact["relation"], fact["tail"]["type"]) == ("Ada Lovelace", "P27", "LOC")
    sentences = [
        {"sentence": 0, "text": "Ada Lovelace is here.", "start": None, "end": None},
        {"sentence": 2, "text": "United Kingdom is here.", "start": None, "end": None},
    ]
    assert fact["support"] == [{"document": "Ada", "confidence": 0.75, "is_evidence": True, "sentences": sentences}]


def test_sparql_is_a_table_or_json_or_turtle(added: Run) -> None:
    query = "SELECT ?name WHERE { ?person wdt:P27 ?country . ?person rdfs:label ?name }"
    lines = [line.strip() for line in added("query", "store", "--sparql", query).stdout.splitlines() if line.strip()]
    assert (lines[0], lines[-1]) == ("name", "Ada Lovelace")
    assert json.loads(added("query", "store", "--sparql", query, "--json").stdout) == [{"name": "Ada Lovelace"}]
    out = added("query", "store", "--sparql", "CONSTRUCT WHERE { ?person wdt:P27 ?country }")
    assert out.stdout.rstrip().endswith(".")
    assert " wdt:P27 " in out.stdout


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ([], "got no question, expected one of --entity, --relation, --path, --sparql"),
        (
            ["--entity", "Ada", "--relation", "P1"],
            "got --entity and --relation, expected one of --entity, --relation, --path, --sparql",
        ),
        (["--entity", "Babbage"], "got the name 'Babbage', which no entity of this graph has"),
        (["--relation", "P999"], "got the relation 'P999', of which this graph has no fact"),
        (
            ["--path", "London", "Analytical Engine"],
            "no path of facts leads from 'London' to 'Analytical Engine'",
        ),
        (["--path", "London", "london"], "'London' and 'london' are the same entity"),
    ],
)
def test_a_question_without_an_answer_is_an_error(added: Run, question: list[str], expected: str) -> None:
    out = added("query", "store", *question)
    assert (out.exit_code, out.stdout, out.stderr) == (1, "", f"atlop: {expected}\n")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_exported(added: Run, tmp_path: Path, form: str) -> None:
    out = added("export", "store", "--to", form, "--output", "out")
    assert (out.exit_code, out.stderr) == (0, "")
    assert (tmp_path / "out").exists()


def test_an_export_that_cannot_be_written_is_refused(added: Run) -> None:
    out = added("export", "store", "--to", "neo4j", "--output", "store")
    expected = "atlop: store: is not an empty folder; choose a new one, as a folder is not replaced\n"
    assert (out.exit_code, out.stderr) == (1, expected)
    out = added("export", "store", "--to", "turtle", "--output", "none/file")
    assert (out.exit_code, out.stderr) == (1, "atlop: none/file: cannot be written: No such file or directory\n")
    out = added("export", "store", "--to", "rdf", "--output", "out")
    expected = "atlop: --to: got 'rdf', expected one of turtle, ntriples, jsonld, graphml, neo4j, parquet, html\n"
    assert (out.exit_code, out.stderr) == (1, expected)


def test_a_graph_that_changes_is_not_changed_twice(added: Run, tmp_path: Path) -> None:
    with changing(tmp_path / "store"):
        out = added("remove", "store", "Ada")
    expected = "atlop: store: another process is changing this graph; wait until it ends\n"
    assert (out.exit_code, out.stderr) == (1, expected)


def test_the_missing_extra_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("atlop.knowledge")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyoxigraph", None)
    expected = "atlop: atlop graph needs packages that are not installed: pip install 'atlop[graph]'\n"
    for arguments in (["add", "store", "ada.jsonl"], ["query", "store", "--entity", "Ada"]):
        out = run(*arguments)
        assert (out.exit_code, out.stderr) == (1, expected)
