"""Every benchmark runs on a tiny model, and what it compares is the same thing computed in two ways."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks import (
    against,
    contender,
    contenders,
    corpus,
    entities,
    graph,
    growth,
    kernels,
    length,
    measure,
    parts,
    precision,
    predict,
    startup,
    train,
)
from benchmarks.contenders import featurizer_of

import atlop
from atlop.checkpoint import Checkpoint, save
from atlop.documents import Document, Relation
from atlop.formats import write

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def texts(build_document: Callable[..., Document]) -> list[Document]:
    places = [[(0, 0, 1)], [(0, 3, 4), (0, 1, 2)], [(0, 2, 3)]]
    short = build_document(["Ada wrote to Lovelace ."], *places, title="a", relations=(Relation(0, 1, "P2"),))
    return [build_document(["the Ada wrote to the Lovelace ."] * 5, *places, title="b"), short]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure rates and parts at small sizes."""
    monkeypatch.setattr(measure, "GEMM_SIZE", {"cpu": 16})
    for name, value in {"LENGTH": 8, "PAIRS": 6, "INNER": 32, "SIZE": 16, "BLOCK": 4, "COLUMNS": 5}.items():
        monkeypatch.setattr(parts, name, value)


@pytest.mark.usefixtures("small")
def test_prediction(tiny_checkpoint: Checkpoint, texts: list[Document]) -> None:
    """The textbook scores as atlop does."""
    found = predict.compare(tiny_checkpoint, texts, precision="fp32", runs=1, device="cpu")
    assert found["pairs"] == 12
    assert found["largest_logit_difference"] < 1e-4
    assert found["decisions_changed"] == 0
    assert {name: len(taken) for name, taken in found["run_seconds"].items()} == {"textbook": 1, "atlop": 1}
    floor = found["floor_seconds_per_document"]
    assert found["floor_share"] == pytest.approx(floor / found["seconds_per_document"])


def test_differences() -> None:
    expected = np.array([[0.0, 1.0, -1.0], [0.0, -1.0, -2.0], [0.0, 3.0, 4.0]], dtype=np.float32)
    found = np.array([[0.0, 1.5, -1.0], [0.0, 0.25, -2.0], [0.0, 4.0, 3.0]], dtype=np.float32)
    wanted = {"pairs": 3, "largest_logit_difference": 1.25}
    # The second pair gains a relation; with at most one relation per pair, the third has another one.
    assert predict.differences(expected, found, None) == {**wanted, "decisions_changed": 1}
    assert predict.differences(expected, found, 1) == {**wanted, "decisions_changed": 2}
    # One more relation is let in of the first pair, on both sides, and of the second on one.
    offset = np.array([0.0, -0.5, 1.5], dtype=np.float32)
    assert predict.differences(expected, found, None, offset) == {**wanted, "decisions_changed": 0}


def test_both_train_the_same(tiny_checkpoint: Checkpoint, texts: list[Document]) -> None:
    """On the same batches from the same weights without dropout, and both move away from where they began."""
    batch = [featurizer_of(tiny_checkpoint)(text, labelled=True) for text in texts]
    textbook = train.textbook_updater(tiny_checkpoint, device="cpu", dropout=False)
    product = train.product_updater(tiny_checkpoint, device="cpu", precision="fp32", dropout=False)
    losses = [(textbook(batch), product(batch)) for _ in range(5)]
    assert max(abs(first - second) for first, second in losses) < 1e-5
    assert losses[4][0] < losses[0][0]


@pytest.mark.usefixtures("small")
def test_training(
    make_checkpoint: Callable[..., Checkpoint],
    texts: list[Document],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(texts * 2, tmp_path / "dev.jsonl")
    monkeypatch.setattr(train, "checkpoint_of", lambda shape: make_checkpoint())
    asked = train.parser().parse_args(["--documents", "4", "--runs", "1", "--updates", "1"])
    asked.data = tmp_path / "dev.jsonl"
    found = train.compare(asked)
    assert found["loss_difference"] < 1e-5
    assert found["seconds_per_document"] == found["run_seconds"]["atlop"][0] / 4


@pytest.mark.usefixtures("small")
def test_kernels(tiny_checkpoint: Checkpoint, texts: list[Document]) -> None:
    """Every replacement is measured, or does not run here; bf16 only where the processor has it."""
    rows = kernels.compare(tiny_checkpoint, texts * 2, ["fp32", "bf16"], training=4, runs=1)
    found = [(row["work"], row["part"], row["replacement"]) for row in rows if row["precision"] == "fp32"]
    prediction = [("linear layers", "oneDNN"), ("bilinear layer", "oneDNN"), ("bilinear layer", "few columns")]
    prediction += [("batches", "worker threads")]
    training = [("attention", "fast masks"), ("bilinear layer", "recomputing")]
    expected = [("prediction", *row) for row in [*prediction, ("all", "all kernels")]]
    expected += [("training", *row) for row in [*training, ("all", "all kernels")]]
    assert [row for row in expected if row in found or row[2] != "oneDNN"] == found
    assert {row["precision"] for row in rows} <= {"fp32", *(["bf16"] * measure.has_bf16(torch.device("cpu")))}
    assert all(row["gain"] > 0 for row in rows)


def test_a_switch_changes_what_computes(tiny_checkpoint: Checkpoint) -> None:
    work = kernels.Work("prediction", "fp32", tiny_checkpoint, [], 1)
    described = atlop.kernels.describe
    with kernels.OFF():
        assert set(described(work.backend().model).values()) == {"torch"}
    with kernels.SINGLE():
        assert kernels.workers.Workers().count == 1


def test_precision(
    tiny_checkpoint: Checkpoint, texts: list[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tiny_checkpoint, tmp_path)
    load = atlop.load
    monkeypatch.setattr(atlop, "load", lambda **options: load(tmp_path, **options))
    found = precision.compare(texts, ["fp32", "auto", "fp8"])
    assert found["precisions"]["auto"]["pairs"] == 12
    assert list(found["left_out"]) == ["fp8"]


def test_a_document_alone(tiny_checkpoint: Checkpoint, texts: list[Document], tmp_path: Path) -> None:
    save(tiny_checkpoint, tmp_path)
    found = growth.alone(texts[0], precision="fp32", runs=2, model=tmp_path)
    assert len(found["run_seconds"]) == 2
    assert min(found["run_seconds"]) <= found["seconds"] <= max(found["run_seconds"])
    assert found["peak_mb"] > 50


def test_growth(texts: list[Document], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every count takes a tenth of a second for each entity here, and the text with two takes 0.2."""

    def alone(document: Document, **options: object) -> dict[str, float]:
        return {"seconds": len(document.entities) / 10, "peak_mb": 1.0}

    monkeypatch.setattr(growth, "alone", alone)
    monkeypatch.setattr(entities, "alone", alone)
    found = entities.compare(texts, [3, 4], precision="fp32", runs=1)
    assert (found["pairs"], found["text_seconds"]) == ({"3": 6, "4": 12}, 0.2)
    assert found["seconds_per_million_pairs"] == pytest.approx({"3": 0.1 / 6 * 1e6, "4": 0.2 / 12 * 1e6})
    found = length.compare(texts, [20], entities=2, precision="fp32", runs=1)
    assert found["seconds_per_thousand_words"] == {"20": 10.0}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system has no /proc")
def test_a_corpus(texts: list[Document]) -> None:
    found = corpus.run(texts, 5, precision="fp32")
    assert found["documents_per_second"] == 5 / found["seconds"]
    assert 50 < found["last_quarter_mb"] <= found["peak_mb"]
    with pytest.raises(subprocess.CalledProcessError, match="non-zero exit status 3"):
        corpus.watch([sys.executable, "-c", "raise SystemExit(3)"], every=0.02)


def test_the_quarters_of_a_run() -> None:
    resident = [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    samples = [corpus.Sample(float(second), mb, mb + second) for second, mb in enumerate(resident)]
    assert corpus.summary(8.0, samples, count=20) == {
        "documents_per_second": 2.5,
        "seconds": 8.0,
        "peak_mb": 66.0,
        "first_quarter_mb": 5.0,  # of 7 samples, two to a quarter
        "last_quarter_mb": 55.0,
    }


def test_merged_entities_are_as_many_as_there_are(build_document: Callable[..., Document]) -> None:
    both = [build_document(["Ada Lovelace wrote ."], [(0, 0, 2)], title=title) for title in "ab"]
    lines = list(graph.merged(both, 5))
    assert lines[0] == "Ada Lovelace (PER), 2 clusters, names: Ada Lovelace"
    assert sorted(lines[1:]) == ["    a: Ada Lovelace wrote .", "    b: Ada Lovelace wrote ."]


def test_startup(monkeypatch: pytest.MonkeyPatch) -> None:
    """The help is measured for real; the prediction, of one document, takes the place of another help here."""
    run, commands = startup.run, []

    def quick(command: str, *arguments: str) -> None:
        commands.append(command)
        if command == "predict":
            (document,) = atlop.read(arguments[0])
            assert document.pairs
        run("--help")

    monkeypatch.setattr(startup, "run", quick)
    found = startup.measure(precision="auto", runs=1)
    assert commands == ["--help", "predict"] * 2
    assert found["predict_seconds"] == found["run_seconds"]["predict"][0]


OTHER = """
import json, sys
def read(path): return json.loads(path.read_text())
def load(**options): return Extractor(options)
class Extractor:
    def __init__(self, options): self.options = options
    def scores(self, documents):
        with open("log", "a") as log: print(documents, self.options, file=log)
        return documents
"""
"""A version of atlop that writes down what is asked of it."""


@pytest.fixture
def checkouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two checkouts with that version, the second in the place of this one."""
    folders = [tmp_path / name for name in ("before", "now")]
    for folder in folders:
        (folder / "src" / "atlop").mkdir(parents=True)
        (folder / "src" / "atlop" / "__init__.py").write_text(OTHER)
    (tmp_path / "dev.json").write_text(json.dumps(["a", "b", "c"]))
    monkeypatch.setattr(against, "ROOT", folders[1])
    return folders


def test_two_checkouts_take_turns(checkouts: list[Path], tmp_path: Path) -> None:
    line = ["--data", str(tmp_path / "dev.json"), "--against", str(checkouts[0]), "--documents", "2", "--runs", "3"]
    found = against.compare("predict", predict.parser().parse_args(line))
    options = {"device": "cpu", "precision": "fp32"}
    for folder in checkouts:
        assert (folder / "log").read_text() == f"['a', 'b'] {options}\n" * 4
    assert {name: len(taken) for name, taken in found["run_seconds"].items()} == {"before": 3, "now": 3}
    assert found["ratio"] == pytest.approx(found["seconds_per_document_before"] / found["seconds_per_document"])


def test_seconds_are_those_of_the_documents_that_there_are(checkouts: list[Path], tmp_path: Path) -> None:
    line = ["--data", str(tmp_path / "dev.json"), "--against", str(checkouts[0]), "--documents", "5", "--runs", "1"]
    found = against.compare("predict", predict.parser().parse_args(line))
    assert found["seconds_per_document"] == found["run_seconds"]["now"][0] / 3
    assert found["seconds_per_document_before"] == found["run_seconds"]["before"][0] / 3


def test_a_training_that_leaves_out_an_incomplete_batch(
    tiny_checkpoint: Checkpoint, texts: list[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(texts * 3, tmp_path / "dev.jsonl")
    for module in (train, contenders):
        monkeypatch.setattr(module, "checkpoint_of", lambda shape: tiny_checkpoint)
    asked = argparse.Namespace(
        data=tmp_path / "dev.jsonl", documents=6, updates=0, shape="minilm", precision="fp32", device="cpu"
    )
    count, work = contender.train(asked)
    assert (count, callable(work)) == (4, True)


def test_a_checkout_that_fails(checkouts: list[Path], tmp_path: Path) -> None:
    (checkouts[0] / "src" / "atlop" / "__init__.py").write_text("raise SystemExit(1)")
    asked = argparse.Namespace(
        against=checkouts[0], data=tmp_path, documents=1, runs=1, shape="minilm", precision="fp32", device="cpu"
    )
    with pytest.raises(RuntimeError) as caught:
        against.compare("predict", asked)
    assert str(caught.value) == f"{checkouts[0]}: the process ended before its work was done"
