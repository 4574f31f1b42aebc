"""``atlop tune``: what it stores and shows, and what it refuses."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from tests.integration.test_export import without_torch

from atlop import RelationExtractor
from atlop.backends.pytorch import TorchBackend
from atlop.calibration import Calibration
from atlop.checkpoint import Checkpoint, load, save
from atlop.documents import Document
from atlop.folder import BUNDLED, load_calibration
from atlop.formats import read, write
from atlop.training.tuning import Margins, score_by_halves, tune

Run = Callable[..., Result]
TUNE = "tune model --dev documents.jsonl --precision fp32"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fitted(workplace: Path, **options: bool) -> Calibration:
    """What the functions fit on the documents of the workplace."""
    extractor = RelationExtractor(TorchBackend(load(workplace / "model")))
    gold, labels = list(read(workplace / "documents.jsonl")), extractor.backend.labels
    return tune(Margins.of(list(extractor.scores(gold)), gold, labels), labels, **options)


def test_a_calibration_is_fitted_and_stored_and_nothing_else_changes(run: Run, workplace: Path) -> None:
    before, expected = contents(workplace), fitted(workplace)
    out = run(TUNE)
    assert (out.exit_code, out.stderr) == (0, "")
    after = contents(workplace)
    assert {name for name in before | after if before.get(name) != after.get(name)} == {"model/calibration.json"}
    assert load_calibration(workplace / "model") == expected != Calibration()


def test_the_table_has_the_scores_as_trained_and_by_halves(run: Run, workplace: Path) -> None:
    extractor = RelationExtractor(TorchBackend(load(workplace / "model")))
    gold = list(read(workplace / "documents.jsonl"))
    tuned = score_by_halves(list(extractor.scores(gold)), gold, extractor.backend.labels)
    lines = [line.split() for line in run(TUNE).stdout.splitlines() if line.strip()]
    assert lines[0] == ["F1", "precision", "recall", "calibration", "error"]
    assert lines[2][:2] == ["as", "trained"]
    assert lines[2][-1] == f"{tuned.uncalibrated_error:.4f}"
    numbers = (tuned.f1, tuned.precision, tuned.recall, tuned.calibration_error)
    assert lines[3] == ["tuned,", "by", "halves", *(f"{number:.4f}" for number in numbers)]
    shown = r"offset \S+, confidence by sigmoid\(\S+ \* margin [+-] \S+\); stored in model/calibration.json"
    assert re.fullmatch(shown, " ".join(lines[4]))


def test_json_has_the_same(run: Run, workplace: Path) -> None:
    found = json.loads(run(f"{TUNE} --json").stdout)
    assert list(found) == ["calibration", "as_trained", "tuned_by_halves"]
    names = ["f1", "precision", "recall", "calibration_error"]
    assert list(found["as_trained"]) == list(found["tuned_by_halves"]) == names
    assert Calibration.from_json(found["calibration"]) == load_calibration(workplace / "model")


def test_relations_may_have_offsets_of_their_own(run: Run, workplace: Path) -> None:
    expected = fitted(workplace, per_relation=True)
    assert run(f"{TUNE} --per-relation").exit_code == 0
    assert load_calibration(workplace / "model") == expected
    assert expected.relation_offsets.keys() == {"P1", "P2"}
    assert "separate offsets for 2 relations" in run("info model").stdout


def test_a_recall_can_be_asked_for(run: Run, workplace: Path, documents: list[Document]) -> None:
    assert run(f"{TUNE} --objective recall=1").exit_code == 0
    found = run("predict documents.jsonl --model model --precision fp32 --output out.jsonl")
    assert found.exit_code == 0
    for gold, predicted in zip(documents, read(workplace / "out.jsonl"), strict=True):
        assert {fact.fact for fact in gold.relations} <= {fact.fact for fact in predicted.relations}


def test_a_model_of_version_0_1_is_tuned(run: Run, workplace: Path) -> None:
    expected = fitted(workplace)
    stored = json.loads((workplace / "model" / "atlop.json").read_text())
    stored["model"] |= {"threshold_offset": 5.0, "temperature": 3.0}
    (workplace / "model" / "atlop.json").write_text(json.dumps(stored))
    (workplace / "model" / "calibration.json").unlink()
    assert load_calibration(workplace / "model").offset == 5
    assert run(TUNE).exit_code == 0
    assert load_calibration(workplace / "model") == expected


def test_an_exported_model_is_tuned_without_torch(exported: Path, run: Run, workplace: Path) -> None:
    shutil.copytree(exported, workplace / "exported")
    done = without_torch("tune", "exported", "--dev", "documents.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert run(TUNE).exit_code == 0
    found, expected = (load_calibration(workplace / name) for name in ("exported", "model"))
    assert (found.offset, found.scale, found.bias) == pytest.approx(
        (expected.offset, expected.scale, expected.bias), abs=0.01
    )


def test_relations_that_the_model_does_not_know_count_as_missed_with_a_warning(run: Run, workplace: Path) -> None:
    lines = (workplace / "documents.jsonl").read_text().replace('"P2"', '"P9"')
    (workplace / "documents.jsonl").write_text(lines)
    out = run(TUNE)
    warning = "documents.jsonl: the model does not know P9, whose facts count as missed"
    assert (out.exit_code, out.stderr) == (0, f"atlop: warning: {warning}\n")


FOLDER = "expected a model folder, as its calibration is replaced; download a model of the hub first"
OTHER = "nothing to score: got {}, expected relations that the model learns, such as P1, P2, P3"
OBJECTIVE = "f1, precision=NUMBER or recall=NUMBER, the number above 0 and at most 1"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("tune none --dev documents.jsonl", f"model 'none': no such folder; {FOLDER}"),
        ("tune some/model --dev documents.jsonl", f"model 'some/model': no such folder; {FOLDER}"),
        ("tune run.yaml --dev documents.jsonl", "model 'run.yaml': is a file, expected a model folder"),
        ("tune model --dev none.jsonl", "none.jsonl: cannot be read: No such file or directory"),
        ("tune model --dev plain.jsonl", f"plain.jsonl: {OTHER.format('no relation')}"),
        ("tune model --dev other.jsonl", f"other.jsonl: {OTHER.format('P8, P9')}"),
        (f"{TUNE} --objective f2", f"objective: got 'f2' (str), expected {OBJECTIVE}"),
        (f"{TUNE} --objective recall=0.8 --per-relation", "per_relation: got the objective recall, expected f1"),
        (f"{TUNE} --device tpu", "--device: got 'tpu', expected one of auto, cpu, cuda, mps"),
        (f"{TUNE} --precision int8", "--precision: got 'int8', expected one of auto, fp32, bf16"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(run: Run, workplace: Path, command: str, problem: str) -> None:
    documents = (workplace / "documents.jsonl").read_text()
    (workplace / "other.jsonl").write_text(documents.replace('"P2"', '"P9"').replace('"P1"', '"P8"'))
    write([document.with_relations(()) for document in read("documents.jsonl")], workplace / "plain.jsonl")
    before = contents(workplace)
    out = run(command)
    assert (out.exit_code, out.stdout, out.stderr) == (1, "", f"atlop: {problem}\n")
    assert contents(workplace) == before


def test_the_bundled_model_stays_as_it_is(run: Run, workplace: Path) -> None:
    (workplace / "link").symlink_to(BUNDLED)
    before = contents(BUNDLED)
    for name in (str(BUNDLED), "link"):
        out = run(f"tune {name} --dev documents.jsonl")
        problem = "is the bundled model, which stays as it is; copy the folder and tune the copy"
        assert (out.exit_code, out.stderr) == (1, f"atlop: model {name!r}: {problem}\n")
    assert contents(BUNDLED) == before


def test_the_copy_of_a_model_is_tuned(run: Run, workplace: Path, make_checkpoint: Callable[..., Checkpoint]) -> None:
    save(make_checkpoint(Calibration(3.0)), workplace / "model")
    shutil.copytree(workplace / "model", workplace / "copy")
    assert run("tune copy --dev documents.jsonl").exit_code == 0
    assert load_calibration(workplace / "copy") != load_calibration(workplace / "model") == Calibration(3.0)


def test_a_model_argument_is_required(run: Run) -> None:
    out = run("tune --dev documents.jsonl")
    assert out.exit_code == 2
    assert re.search("Missing argument '.*model", out.output, re.IGNORECASE)
