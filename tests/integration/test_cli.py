"""Every command as a newcomer would run it."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import Result

from atlop import __version__
from atlop.backends.pytorch import TorchBackend
from atlop.calibration import Calibration
from atlop.checkpoint import Checkpoint, load, save
from atlop.documents import Document, Entity, Mention, Relation
from atlop.extractor import RelationExtractor
from atlop.folder import BUNDLED
from atlop.formats import read, read_submission, write
from atlop.type_constraints import TypeConstraints

Run = Callable[..., Result]
SCORES = [
    "f1",
    "evidence_f1",
    "ign_f1",
    "precision",
    "recall",
    "frequent_f1",
    "long_tail_f1",
    "intra_f1",
    "inter_f1",
    "frequent_precision",
    "frequent_recall",
    "long_tail_precision",
    "long_tail_recall",
]
"""The keys of ``evaluate --json``, which scripts rely on, in order."""


PREDICT = "predict documents.jsonl --model model --precision fp32"
"""At a precision that gives every machine the same confidences."""
CLOSING = re.compile(r"atlop: \d+ documents? in .+ \(.+ per second\)\n")
"""What a prediction into a file ends with."""
SPEED = r"[\d.,]+ documents per second"


def well(result: Result, stderr: str = "") -> str:
    """The standard output of a command that ended well."""
    assert (result.exit_code, CLOSING.sub("", result.stderr)) == (0, stderr), result.stderr
    return result.stdout


def process(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "atlop", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def facts(documents: list[Document]) -> dict[str, list[tuple[int, int, str]]]:
    return {document.title: [relation.fact for relation in document.relations] for document in documents}


@pytest.fixture
def expected(workplace: Path, documents: list[Document]) -> list[Document]:
    """What the model of the workplace predicts."""
    predicted = list(RelationExtractor(TorchBackend(load(workplace / "model"))).predict(documents))
    assert any(document.relations for document in predicted)
    return predicted


def test_a_newcomer_trains_and_predicts(workplace: Path) -> None:
    trained = process("train", "run.yaml", "--output", "mine", "--device", "cpu", folder=workplace)
    assert re.fullmatch(rf"Model in mine; best epoch: f1 .+; {SPEED}\n", trained.stdout)
    scores = r"f1 \S+, precision \S+, recall \S+, tuned_f1 \S+, .+"
    assert re.search(rf"(?m)^atlop: epoch 1 of 1: {scores}, {SPEED}$", trained.stderr)
    assert all(line.startswith("atlop: ") for line in trained.stderr.splitlines())
    predicted = process("predict", "documents.jsonl", "--model", "mine", folder=workplace)
    assert predicted.stderr == ""
    assert [json.loads(line)["title"] for line in predicted.stdout.splitlines()] == ["first", "second", "third"]


def test_train_makes_a_model_of_the_documents(run: Run, workplace: Path) -> None:
    out = run("train run.yaml --output mine --set epochs=2 --set model.block_size=6 --device cpu")
    assert out.exit_code == 0, out.stderr
    assert "Model in mine; best epoch: " in out.stdout
    loaded = load(workplace / "mine")
    assert (loaded.config.block_size, loaded.labels.relations) == (6, ("P1", "P2"))
    assert json.loads((workplace / "mine" / "training.json").read_text())["epochs"] == 2


def test_train_starts_from_a_model_and_resumes(run: Run, workplace: Path) -> None:
    write([document_with("P7")], workplace / "documents.jsonl")
    command = "train run.yaml --output mine --init model --device cpu"
    assert run(command).exit_code == 0
    assert load(workplace / "mine").labels.relations == ("P7",)
    again = run(f"{command} --resume")
    assert again.exit_code == 0, again.stderr


def document_with(relation: str) -> Document:
    entities = tuple(Entity((Mention(0, word, word + 1, "PER", "Ada"),)) for word in (0, 1))
    return Document("first", (("Ada", "Ada"),), entities, (Relation(0, 1, relation),))


def test_train_with_teachers_tells_that_they_label_documents(run: Run, workplace: Path) -> None:
    write([document_with("P1"), dataclasses.replace(document_with("P2"), title="other")], workplace / "more.jsonl")
    command = "train run.yaml --output mine --device cpu --set train_unlabelled=[more.jsonl] --set teachers="
    out = run(f"{command}[model]")
    assert out.exit_code == 0, out.stderr
    assert out.stderr.startswith("atlop: 1 model labels the documents of train_unlabelled\n")
    out = run(f"{command.replace('mine', 'new')}[model,none]")
    assert out.exit_code == 1
    assert out.stderr.startswith("atlop: 2 models label the documents of train_unlabelled\n")
    assert "atlop: model 'none': no such folder; expected a model folder" in out.stderr
    assert not (workplace / "new").exists()


def test_train_without_dev_documents_has_no_scores_to_tell(run: Run) -> None:
    out = run("train run.yaml --output mine --set dev=null --device cpu")
    assert out.exit_code == 0, out.stderr
    assert re.fullmatch(rf"Model in mine; {SPEED}\n", out.stdout)


def test_predict_writes_documents_with_confidences_and_names(
    run: Run, workplace: Path, expected: list[Document]
) -> None:
    out = well(run(PREDICT))
    assert well(run(f"{PREDICT} --output out.jsonl")) == ""
    assert (workplace / "out.jsonl").read_text() == out
    assert read(workplace / "out.jsonl") == expected
    rows = [relation for line in out.splitlines() for relation in json.loads(line)["relations"]]
    assert all({"head", "tail", "relation", "confidence"} <= row.keys() for row in rows)
    assert {row.get("name") for row in rows if row["relation"] == "P1"} <= {"first relation"}
    assert all(0.5 < row["confidence"] <= 1 for row in rows)


@pytest.mark.parametrize("option", ["--to leaderboard", "--output out.ZIP", "--output o.json --to leaderboard"])
def test_predict_writes_leaderboard_facts(run: Run, workplace: Path, expected: list[Document], option: str) -> None:
    out = well(run(f"{PREDICT} {option}"))
    name = option.split()[1] if "--output" in option else "stdout"
    if name == "stdout":
        (workplace / name).write_text(out)
    if name == "out.ZIP":
        assert zipfile.ZipFile(workplace / name).namelist() == ["result.json"]
    submitted = read_submission(workplace / name)
    found = {title: [relation.fact for relation in relations] for title, relations in submitted.items()}
    assert found == {title: rows for title, rows in facts(expected).items() if rows}


@pytest.mark.parametrize("option", ["--to pubtator", "--output out.pubtator", "--output out.TXT"])
def test_predict_writes_pubtator(run: Run, workplace: Path, expected: list[Document], option: str) -> None:
    out = well(run(f"{PREDICT} {option}"))
    name = option.split()[1] if "--output" in option else "stdout"
    if name == "stdout":
        (workplace / name).write_text(out)
    assert {title: sorted(rows) for title, rows in facts(read(workplace / name)).items()} == {
        title: sorted(rows) for title, rows in facts(expected).items()
    }


@pytest.mark.parametrize("option", ["--to docred", "--output out.json"])
def test_predict_writes_docred(run: Run, workplace: Path, expected: list[Document], option: str) -> None:
    out = well(run(f"{PREDICT} {option}"))
    if "--to" in option:
        (workplace / "out.json").write_text(out)
    assert facts(read(workplace / "out.json", form="docred")) == facts(expected)


@pytest.mark.parametrize("option", ["--to table", "--to table --output out.txt"])
def test_predict_shows_tables(run: Run, workplace: Path, expected: list[Document], option: str) -> None:
    out = well(run(f"{PREDICT} {option}"))
    shown = (workplace / "out.txt").read_text() if "--output" in option else out
    lines = shown.splitlines()
    titles = [line.strip() for line in lines if line.strip() in ("first", "second", "third")]
    assert titles == ["first", "second", "third"]
    for document in expected:
        for relation in document.relations:
            head, tail = document.entities[relation.head].name, document.entities[relation.tail].name
            name = {"P1": "first relation"}.get(relation.relation, relation.relation)
            cells = [head, name, tail, f"{relation.confidence:.2f}"]
            assert any(all(cell in line for cell in cells) for line in lines), cells
    assert max(map(len, lines)) <= 110


def test_predict_reads_several_files_of_several_formats(run: Run, workplace: Path, documents: list[Document]) -> None:
    write(documents[2:], workplace / "one.json", form="docred")
    write(documents[:2], workplace / "two.pubtator")
    out = well(run("predict one.json two.pubtator documents.jsonl --model model --precision auto"))
    titles = [json.loads(line)["title"] for line in out.splitlines()]
    assert titles == ["third", "first", "second", "first", "second", "third"]


def test_predict_leaves_out_relations_below_a_confidence(run: Run, workplace: Path, expected: list[Document]) -> None:
    confidences = sorted(relation.confidence for document in expected for relation in document.relations)
    least = (confidences[0] + confidences[-1]) / 2
    well(run(f"{PREDICT} --output out.jsonl --min-confidence {least}"))
    found = [relation.confidence for document in read(workplace / "out.jsonl") for relation in document.relations]
    assert sorted(found) == pytest.approx([confidence for confidence in confidences if confidence >= least])
    assert 0 < len(found) < len(confidences)


def test_predict_over_its_input(run: Run, workplace: Path, expected: list[Document]) -> None:
    well(run(f"{PREDICT} --output documents.jsonl"))
    assert read(workplace / "documents.jsonl") == expected


@pytest.fixture
def typed(workplace: Path, documents: list[Document], make_checkpoint: Callable[..., Checkpoint]) -> Path:
    """A model in the workplace that finds a relation for every pair, and knows the types of the documents."""
    checkpoint = make_checkpoint(Calibration(100, bias=100))
    labels = dataclasses.replace(checkpoint.labels, type_constraints=TypeConstraints.of(documents))
    save(dataclasses.replace(checkpoint, labels=labels), workplace / "typed")
    return workplace


def test_predict_skips_pairs_of_types_that_training_does_not_relate(run: Run, typed: Path) -> None:
    def pairs(command: str) -> dict[str, set[tuple[int, int]]]:
        well(run(f"predict documents.jsonl --model typed --output out.jsonl {command}"))
        return {title: {(head, tail) for head, tail, _ in rows} for title, rows in facts(read("out.jsonl")).items()}

    every = {"first": {(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)}, "second": {(0, 1), (1, 0)}, "third": set()}
    assert pairs("") == every
    # The third entity is the only one of its type, and no relation of the documents has it as its tail.
    assert pairs("--prune") == every | {"first": {(0, 1), (1, 0), (2, 0), (2, 1)}}


def broken_in_the_middle(workplace: Path) -> str:
    """Make the second line unreadable; return what is reported about it."""
    lines = (workplace / "documents.jsonl").read_text().splitlines()
    (workplace / "documents.jsonl").write_text("\n".join([lines[0], '{"title": "second"}', lines[2]]))
    reason = "sentences: got no such key, expected one; the keys here are 'title'"
    return f"documents.jsonl: document 'second': {reason}"


@pytest.mark.parametrize("command", ["predict documents.jsonl --model model", "convert documents.jsonl --to jsonl"])
def test_a_malformed_document_can_be_left_out(run: Run, workplace: Path, command: str) -> None:
    problem = broken_in_the_middle(workplace)
    out = well(run(f"{command} --output out.jsonl --on-error skip"), f"atlop: left out: {problem}\n")
    assert out == ""
    assert [document.title for document in read(workplace / "out.jsonl")] == ["first", "third"]


@pytest.fixture
def scored(workplace: Path) -> Path:
    """Gold documents with 3 facts, in ``gold.json``, and predictions of which one is right and one wrong."""
    entities = tuple(Entity((Mention(0, word, word + 1, "PER", name),)) for word, name in enumerate(("Ada", "Bo")))
    right, wrong = Relation(0, 1, "P17", (0,)), Relation(0, 1, "P1", ())
    first = Document("first", (("Ada", "Bo"),), entities, (right, Relation(1, 0, "P1", ())))
    second = Document("second", (("Ada", "Bo"),), entities, (Relation(0, 1, "P1", ()),))
    write([first, second], workplace / "gold.json")
    predicted = [first.with_relations((right, wrong)), second.with_relations(())]
    write(predicted, workplace / "documents.json")
    write(predicted, workplace / "documents.jsonl")
    write(predicted, workplace / "result.json", form="leaderboard")
    write(predicted, workplace / "result.zip")
    return workplace


def scores_of(run: Run, arguments: str, stderr: str = "") -> dict[str, Any]:
    shown = well(run(f"evaluate --gold gold.json --json {arguments}"), stderr)
    scores: dict[str, Any] = json.loads(shown)
    return scores


@pytest.mark.parametrize("name", ["documents.json", "documents.jsonl", "result.json", "result.zip"])
def test_evaluate_reads_predictions_in_every_format(run: Run, scored: Path, name: str) -> None:
    scores = scores_of(run, f"--predictions {name}")
    assert list(scores) == [*SCORES, "annotated_evidence"]
    # One of two claims is right, and one of three facts is found; both entities are in one sentence.
    assert (scores["precision"], scores["recall"]) == pytest.approx((1 / 2, 1 / 3))
    assert scores["f1"] == scores["intra_f1"] == pytest.approx(0.4)
    assert (scores["frequent_f1"], scores["long_tail_f1"], scores["inter_f1"]) == (1, 0, 0)
    assert scores["ign_f1"] is None


def test_the_keys_are_those_of_the_published_scorer(shared: Path) -> None:
    golden = json.loads((shared / "golden" / "evaluation" / "expected.json").read_text())
    assert list(golden) == SCORES


@pytest.mark.parametrize(
    ("known", "ign"),
    [([["Ada", "Bo", "P17"]], 0.0), ([["Bo", "Ada", "P17"]], 0.4), ([["Ada", "Bo", "P1"]], 0.4), ([], 0.4)],
)
def test_evaluate_takes_training_facts_as_triples(run: Run, scored: Path, known: list[list[str]], ign: float) -> None:
    (scored / "train.fact").write_text(json.dumps(known))
    scores = scores_of(run, "--predictions result.json --train-facts train.fact")
    assert scores["ign_f1"] == pytest.approx(ign)


@pytest.mark.parametrize("name", ["train.json", "train.jsonl"])
def test_evaluate_takes_training_facts_as_documents(run: Run, scored: Path, name: str) -> None:
    write(read(scored / "gold.json")[:1], scored / name)
    assert scores_of(run, f"--predictions result.json --train-facts {name}")["ign_f1"] == 0


def test_evaluate_shows_a_table(run: Run, scored: Path) -> None:
    (scored / "train.fact").write_text("[]")
    out = well(run("evaluate --gold gold.json --predictions result.json --train-facts train.fact"))
    rows = {line.split("  ")[0].strip(): line.split()[-6:] for line in map(str.strip, out.splitlines())}
    assert rows["all"] == ["0.5000", "0.3333", "0.4000", "1", "1", "2"]
    assert rows["frequent relations"] == ["1.0000", "1.0000", "1.0000", "1", "0", "0"]
    assert rows["other relations"] == ["0.0000", "0.0000", "0.0000", "0", "1", "2"]
    # One sentence too many is missed, as in the published scorer.
    assert rows["evidence"] == rows["evidence, where annotated"] == ["1.0000", "0.5000", "0.6667", "1", "0", "1"]


def test_evaluate_counts_by_identifier_beside(run: Run, workplace: Path) -> None:
    kinds = (("Chemical", "D1"), ("Disease", "D2"), ("Disease", "D3"))
    entities = tuple(Entity((Mention(0, i, i + 1, kind, "x"),), key) for i, (kind, key) in enumerate(kinds))
    both = (Relation(0, 1, "CID"), Relation(0, 2, "CID"))
    gold = Document("5", (("x", "x", "x"),), entities, both)
    write([gold], workplace / "all.pubtator")
    listed = Document("5", (("x", "x", "x"),), entities, both[:1], candidates=((0, 1),))
    write([listed], workplace / "gold.jsonl")
    out = well(run("evaluate --gold gold.jsonl --predictions gold.jsonl --identifiers all.pubtator"))
    rows = {line.split("  ")[0].strip(): line.split()[-6:] for line in map(str.strip, out.splitlines())}
    assert rows["all"] == ["1.0000", "1.0000", "1.0000", "1", "0", "0"]
    assert rows["by identifier"] == ["1.0000", "0.5000", "0.6667", "1", "0", "1"]
    stored = json.loads(
        well(run("evaluate --gold gold.jsonl --predictions gold.jsonl --identifiers all.pubtator --json"))
    )
    counts = {"precision": 1.0, "recall": 0.5, "tp": 1, "fp": 0, "fn": 1}
    assert stored["by_identifier"] == counts | {"f1": pytest.approx(2 / 3)}
    assert list(stored) == [*SCORES, "annotated_evidence", "by_identifier"]


def test_evaluate_warns_of_titles_that_gold_does_not_have(run: Run, scored: Path) -> None:
    rows = [{"title": title, "h_idx": 0, "t_idx": 1, "r": "P17"} for title in ("first", "other")]
    (scored / "result.json").write_text(json.dumps(rows))
    warning = "atlop: warning: no gold document has the predicted title 'other'\n"
    assert scores_of(run, "--predictions result.json", warning)["precision"] == 0.5


@pytest.mark.parametrize("name", ["documents.json", "result.json"])
def test_evaluate_where_nothing_is_labelled(run: Run, scored: Path, name: str) -> None:
    write([document.with_relations(()) for document in read(scored / "gold.json")], scored / "gold.json")
    scores = scores_of(run, f"--predictions {name}", "atlop: warning: gold.json has no relation to find\n")
    assert {scores[key] for key in SCORES if key != "ign_f1"} == {0}


def test_evaluate_where_nothing_is_predicted(run: Run, scored: Path) -> None:
    (scored / "result.json").write_text("[]")
    scores = scores_of(run, "--predictions result.json")
    assert {scores[key] for key in SCORES if key != "ign_f1"} == {0}


@pytest.mark.parametrize("form", ["docred", "jsonl", "pubtator", "data"])
def test_convert_writes_what_reads_again(run: Run, workplace: Path, documents: list[Document], form: str) -> None:
    assert well(run(f"convert documents.jsonl --to {form} --output out")) == ""
    again = {title: len(rows) for title, rows in facts(read(workplace / "out", form=form)).items()}
    assert again == {title: len(rows) for title, rows in facts(documents).items()}
    well(run(f"convert out --from {form} --to jsonl --output again.jsonl"))
    assert [document.title for document in read(workplace / "again.jsonl")] == ["first", "second", "third"]


def test_convert_writes_a_submission(run: Run, workplace: Path, documents: list[Document]) -> None:
    well(run("convert documents.jsonl --to leaderboard --output out.zip"))
    assert read_submission(workplace / "out.zip") == {d.title: d.relations for d in documents if d.relations}


@pytest.fixture
def published(workplace: Path, tiny_checkpoint: Checkpoint) -> Path:
    """The workplace, with the model once more as ``weights.pt`` and ``rel2id.json``."""
    names = {"encoder.transformer.": "model.", "head.linear.": "head_extractor.", "tail.linear.": "tail_extractor."}
    names |= {"bilinear.linear.": "bilinear."}
    state = {}
    for name, weight in tiny_checkpoint.model.state_dict().items():
        own = next(own for own in names if name.startswith(own))
        state[names[own] + name.removeprefix(own)] = weight
    torch.save(state, workplace / "weights.pt")
    (workplace / "rel2id.json").write_text('{"Na": 0, "P1": 1, "P2": 2, "P3": 3}')
    return workplace


def test_import_reference_makes_a_model_folder(run: Run, published: Path, expected: list[Document]) -> None:
    command = "import-reference --config model/encoder --weights weights.pt --labels rel2id.json --output imported"
    assert well(run(command)) == "Model with 3 relations in imported\n"
    well(run("predict documents.jsonl --model imported --output out.jsonl --precision fp32"))
    assert facts(read(published / "out.jsonl")) == facts(expected)


def test_info_shows_the_folder_as_it_is_named(run: Run, workplace: Path) -> None:
    (workplace / "model").rename(workplace / "[v1]")
    assert "folder [v1]" in " ".join(well(run("info [v1]")).split())


def test_info_shows_the_parts_of_a_model(run: Run, workplace: Path, make_checkpoint: Callable[..., Checkpoint]) -> None:
    save(make_checkpoint(Calibration(0.25, {"P1": 1}), max_length=50, max_labels=None), workplace / "other")
    out = well(run("info other"))
    for part in (
        "other",
        "bert, width 16, 2 layers",
        "3, any number per pair",
        "truncated to 50 subwords",
        "offset 0.25, separate offsets for 1 relation, confidence by sigmoid(1 * margin + 0)",
    ):
        assert part in out
    assert "any length, windows of 64 subwords" in well(run("info model"))


def test_info_shows_which_pairs_of_types_can_be_skipped(run: Run, typed: Path) -> None:
    assert "unknown, so none can be skipped" in well(run("info model"))
    assert "2 of 4 connected in training; --prune skips the others" in well(run("info typed"))


@pytest.mark.parametrize("arguments", ["", "--help"])
def test_help_lists_the_commands_in_the_order_of_use_with_an_example(run: Run, arguments: str) -> None:
    shown = run(arguments).output
    commands = [
        "extract",
        "predict",
        "demo",
        "evaluate",
        "check",
        "train",
        "tune",
        "sweep",
        "report",
        "convert",
        "info",
        "export",
    ]
    commands += ["import-reference", "graph"]
    assert re.findall(r"(?m)^│ ([a-z][a-z-]+) ", shown) == commands
    assert "Example: atlop extract article.txt --to table" in shown
    assert "docs/cli.md" in shown


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert well(run("--version")) == f"atlop {__version__}\n"


def test_the_demo_shows_what_is_found_in_the_bundled_texts(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """On any machine in fp32; the model is replaced by one that loads at once."""
    loaded = []

    def load(folder: Path, **options: Any) -> Reader:
        loaded.append((folder, options))
        return Reader()

    monkeypatch.setattr("atlop.extractor.load", load)
    result = run("demo --page graph.html")
    assert loaded == [(BUNDLED, {"device": "auto", "precision": "fp32", "prune": False})]
    titles = [line for line in result.stdout.splitlines() if line and not line.startswith(" ")]
    assert titles == sorted(path.stem for path in (BUNDLED.parent / "examples").glob("*.txt"))
    assert result.stderr == "atlop: the graph is drawn in graph.html\n"
    assert "Pippi" in Path("graph.html").read_text(encoding="utf-8")


def test_the_demo_tells_at_once_of_a_page_that_cannot_be_written(run: Run, workplace: Path) -> None:
    (workplace / "folder").mkdir()
    for name, problem in {"folder": "Is a directory", "none/graph.html": "No such file or directory"}.items():
        result = run(f"demo --page {name}")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == f"atlop: {name}: cannot be written: {problem}\n"


class Reader:
    """An extractor that finds the same two entities in every document that has them, and one relation."""

    def extract(self, documents: Iterable[Document], *, min_confidence: float) -> Iterator[Document]:
        assert min_confidence == 0.5
        for document in documents:
            places = [(0, 0, 1), (0, 1, 2)]
            names = [document.sentences[s][start] for s, start, _ in places]
            found = [Entity((Mention(*place, "PER", name),)) for place, name in zip(places, names, strict=True)]
            yield dataclasses.replace(
                document, entities=tuple(found), relations=(Relation(0, 1, "P26", confidence=0.9),)
            )


def test_a_module_to_import_that_is_missing_or_fails_is_told(run: Run, workplace: Path) -> None:
    result = run("--import not_there info model")
    problem = "cannot be imported: No module named 'not_there'"
    assert (result.exit_code, result.stderr) == (1, f"atlop: --import: module 'not_there' {problem}\n")
    (workplace / "fails_here.py").write_text("raise ValueError('no such thing')\n")
    result = run("--import fails_here info model")
    expected = "atlop: --import: module 'fails_here' cannot be imported: no such thing\n"
    assert (result.exit_code, result.stderr) == (1, expected)
