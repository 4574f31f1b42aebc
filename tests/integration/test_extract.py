"""``atlop extract``: from text to documents with entities and relations."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from tests.integration.conftest import Run

from atlop import reading
from atlop.checkpoint import Checkpoint, save
from atlop.documents import Document
from atlop.extractor import load
from atlop.formats import encode, read

TEXT = "Ada wrote to Lovelace. She met Ada in London."


@pytest.fixture
def reader(workplace: Path, make_reader: Callable[..., Checkpoint]) -> Path:
    """The workplace with ``reader/``, a model that finds entities, and a text."""
    save(make_reader(), workplace / "reader")
    (workplace / "letter.txt").write_text(TEXT, encoding="utf-8")
    return workplace


def test_text_becomes_documents_with_entities_and_relations(run: Run, reader: Path) -> None:
    result = run("extract letter.txt --model reader --output found.jsonl")
    assert (result.exit_code, result.stdout) == (0, "")
    (found,) = read(reader / "found.jsonl")
    (expected,) = load("reader").extract([Document.from_text(TEXT, title="letter")])
    assert [entity.name for entity in found.entities] == [entity.name for entity in expected.entities]
    assert [relation.fact for relation in found.relations] == [relation.fact for relation in expected.relations]
    assert found.relations
    for entity in found.entities:
        for mention in entity.mentions:
            start, end = found.span(mention)
            assert TEXT[start:end] == mention.name
    assert all(relation.evidence and relation.confidence is not None for relation in found.relations)


def test_the_standard_input_is_a_text(run: Run, reader: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atlop.cli.files._opened", lambda path: io.BufferedReader(io.BytesIO(TEXT.encode())))  # type: ignore[arg-type]
    result = run("extract - --model reader")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["title"] == "standard input"


def test_a_folder_of_texts_and_documents(run: Run, reader: Path) -> None:
    folder = reader / "corpus"
    folder.mkdir()
    for name in ("b.txt", "a.txt"):
        (folder / name).write_text(TEXT, encoding="utf-8")
    (folder / "c.jsonl").write_text(json.dumps({"text": TEXT, "title": "line"}) + "\n")
    result = run("extract corpus documents.jsonl --model reader")
    titles = [json.loads(line)["title"] for line in result.stdout.splitlines()]
    assert titles == ["a", "b", "line", "first", "second", "third"]


def test_tables_of_what_was_found(run: Run, reader: Path) -> None:
    result = run("extract letter.txt --model reader --to table")
    assert result.exit_code == 0
    assert "She met Ada in London." in result.stdout
    assert "confidence" in result.stdout


def test_a_run_that_was_stopped_goes_on(run: Run, reader: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "DOCUMENTS", 1)
    whole = run("extract documents.jsonl --model reader").stdout.splitlines(keepends=True)
    arguments = "extract documents.jsonl --model reader --output found.jsonl --resume"
    (reader / "bad.jsonl").write_text((reader / "documents.jsonl").read_text() + "{")
    assert run(arguments.replace("documents.jsonl", "bad.jsonl", 1)).exit_code == 1
    kept = reader / "found.jsonl.partial" / "predictions.jsonl"
    assert kept.read_text() == "".join(whole)
    result = run(arguments)
    assert result.exit_code == 0
    assert (reader / "found.jsonl").read_text() == "".join(whole)


def test_a_model_that_finds_no_entities_is_refused(run: Run, reader: Path) -> None:
    result = run("extract letter.txt --model model")
    assert result.exit_code == 1
    advice = "use a model trained to find entities, or mark the entities and call predict"
    assert result.stderr == f"atlop: the model has no head 'mentions' and no head 'entities'; {advice}\n"


def test_another_format_is_named(run: Run, reader: Path) -> None:
    result = run("extract letter.txt --from docx")
    known = "docred, jsonl, pubtator, data, labelstudio, doccano, brat, text"
    assert result.stderr == f"atlop: --from: got 'docx', expected one of {known}\n"


def test_another_source_of_entities_is_named(run: Run, reader: Path) -> None:
    for source in ("flair", "spacy", "spacy:"):
        result = run(f"extract letter.txt --entities {source}")
        expected = "expected model, or a pipeline such as spacy:en_core_web_sm"
        assert result.stderr == f"atlop: --entities: got '{source}', {expected}\n"


@pytest.fixture
def pipeline(reader: Path) -> None:
    """Save a spaCy pipeline as ``pipeline/``; it finds entities, and no sentence ends in it."""
    spacy = pytest.importorskip("spacy", reason="needs the extra spacy")
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer", config={"punct_chars": ["!"]})
    patterns = [{"label": "PERSON", "pattern": "Ada"}, {"label": "GPE", "pattern": "London"}]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.to_disk(reader / "pipeline")


@pytest.mark.usefixtures("pipeline")
def test_spacy_finds_the_entities(run: Run, reader: Path) -> None:
    result = run("extract letter.txt --model model --entities spacy:pipeline")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [entity["mentions"][0]["name"] for entity in found["entities"]] == ["Ada", "London"]
    assert found["relations"]


@pytest.mark.usefixtures("pipeline")
def test_a_run_whose_sentences_spacy_splits_goes_on(run: Run, reader: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(documents: Iterator[Document], *, form: str) -> Iterator[bytes]:
        yield from islice(encode(documents, form=form), 1)
        raise KeyboardInterrupt

    (reader / "other.txt").write_text(TEXT)
    arguments = "extract letter.txt other.txt --model model --entities spacy:pipeline --output found.jsonl --resume"
    monkeypatch.setattr("atlop.cli.prediction.encode", stop)
    assert run(arguments).exit_code == 130
    monkeypatch.setattr("atlop.cli.prediction.encode", encode)
    result = run(arguments)
    assert result.exit_code == 0, result.stderr
    assert [(found.title, len(found.sentences)) for found in read("found.jsonl")] == [("letter", 1), ("other", 1)]


@pytest.mark.parametrize("form", ["turtle", "html", "neo4j"])
def test_all_documents_become_one_graph(run: Run, reader: Path, form: str) -> None:
    pytest.importorskip("pyoxigraph", reason="needs the extra graph")
    result = run(f"extract letter.txt documents.jsonl --model reader --to {form} --output graph")
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("atlop: 4 documents in ")
    files = sorted((reader / "graph").iterdir()) if form == "neo4j" else [reader / "graph"]
    assert any("ovelace" in file.read_text(encoding="utf-8") for file in files)


def test_a_graph_may_be_written_to_an_empty_folder(run: Run, reader: Path) -> None:
    pytest.importorskip("pyoxigraph", reason="needs the extra graph")
    (reader / "empty").mkdir()
    assert run("extract letter.txt --model reader --to neo4j --output empty").exit_code == 0
    assert (reader / "empty" / "facts.csv").exists()
    result = run("extract letter.txt --model reader --to neo4j --output none/graph")
    assert result.stderr == "atlop: none/graph: cannot be written: No such file or directory\n"
    result = run("extract letter.txt --model reader --to html --output empty")
    assert result.stderr == "atlop: empty: cannot be written: Is a directory\n"


def test_a_missing_package_is_told_before_the_model_is_loaded(
    run: Run, reader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "atlop.knowledge.export.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = run("extract letter.txt --model none --to parquet --output graph")
    needs = "needs packages that are not installed: pip install 'atlop[graph]'"
    assert (result.exit_code, result.stderr) == (1, f"atlop: the form 'parquet' {needs}\n")


def test_a_graph_needs_a_place(run: Run, reader: Path) -> None:
    result = run("extract letter.txt --model reader --to html")
    expected = "got no --output, expected the file or folder to write the graph to"
    assert (result.exit_code, result.stderr) == (1, f"atlop: --to html: {expected}\n")
    (reader / "full").mkdir()
    (reader / "full" / "file").touch()
    result = run("extract letter.txt --model reader --to neo4j --output full")
    assert result.stderr == "atlop: full: is not an empty folder; choose a new one, as a folder is not replaced\n"
