"""Prediction of folders and streams, stopped and resumed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from atlop.documents import Document
from atlop.extractor import RelationExtractor
from atlop.formats import write

Run = Callable[..., Result]

PREDICT = "predict documents.jsonl --model model --precision fp32"
SPEED = r"\S+ s \(\S+ per second\)"
PATIENCE = 120
"""Seconds after which a process that does not come so far has failed."""


def titles(output: str) -> list[str]:
    return [json.loads(line)["title"] for line in output.splitlines()]


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """Have Ctrl-C pressed when so many documents are predicted, or never."""
    predict = RelationExtractor.predict

    def stop(after: int | None) -> None:
        def interrupted(
            extractor: RelationExtractor, documents: Iterable[Document], **options: Any
        ) -> Iterator[Document]:
            yield from islice(predict(extractor, documents, **options), after)
            if after is not None:
                raise KeyboardInterrupt

        monkeypatch.setattr(RelationExtractor, "predict", interrupted)

    return stop


def test_predict_reads_the_files_of_a_folder(run: Run, workplace: Path, documents: list[Document]) -> None:
    (workplace / "folder").mkdir()
    write(documents[:1], workplace / "folder" / "b.pubtator")
    write(documents[1:2], workplace / "folder" / "a.json")
    (workplace / "folder" / "README.md").write_text("Two files.")
    result = run("predict folder documents.jsonl --model model")
    assert (result.exit_code, result.stderr) == (0, "")
    assert titles(result.stdout) == ["second", "first", "first", "second", "third"]


def test_convert_reads_a_folder(run: Run, workplace: Path, documents: list[Document]) -> None:
    (workplace / "folder").mkdir()
    write(documents[:1], workplace / "folder" / "b.jsonl")
    write(documents[1:], workplace / "folder" / "a.json")
    result = run("convert folder --to jsonl --output out.jsonl")
    assert (result.exit_code, result.stderr) == (0, "")
    assert titles((workplace / "out.jsonl").read_text()) == ["second", "third", "first"]


@pytest.mark.parametrize("option", ["--output out.jsonl", "--to table --output out.txt", "--output out.jsonl --resume"])
def test_a_prediction_into_a_file_reports_its_speed(run: Run, option: str) -> None:
    result = run(f"{PREDICT} {option}")
    assert (result.exit_code, result.stdout) == (0, "")
    assert re.fullmatch(rf"atlop: 3 documents in {SPEED}\n", result.stderr)


@pytest.mark.parametrize("option", ["", "--output out.jsonl", "--output out.zip", "--to table --output out.txt"])
def test_an_interruption_leaves_everything_as_it_was(
    run: Run, workplace: Path, stopped: Callable[[int | None], None], option: str
) -> None:
    (workplace / "out.jsonl").write_text("old")
    before = sorted(workplace.iterdir())
    stopped(1)
    result = run(f"{PREDICT} {option}")
    assert (result.exit_code, result.stderr) == (130, "atlop: interrupted\n")
    assert result.stdout.count("\n") == (0 if option else 1)
    assert sorted(workplace.iterdir()) == before
    assert (workplace / "out.jsonl").read_text() == "old"


def test_a_run_continues_after_an_interruption(
    run: Run, workplace: Path, stopped: Callable[[int | None], None]
) -> None:
    whole = run(PREDICT).stdout
    command = f"{PREDICT} --output out.jsonl --resume"
    stopped(2)
    result = run(command)
    line = "atlop: interrupted: documents kept: 2; the same command continues with the next\n"
    assert (result.exit_code, result.stderr) == (130, line)
    assert not (workplace / "out.jsonl").exists()
    stopped(None)
    result = run(command)
    assert result.exit_code == 0
    assert re.fullmatch(rf"atlop: 1 document in {SPEED}, after 2 kept from before\n", result.stderr)
    assert (workplace / "out.jsonl").read_text() == whole
    assert not (workplace / "out.jsonl.partial").exists()


OTHERWISE = {
    "precision": (
        "--precision auto",
        "precision: got 'auto', the kept predictions were made with 'fp32'",
    ),
    "confidence": (
        "--precision fp32 --min-confidence 0.75",
        "min_confidence: got '0.75', the kept predictions were made with '0.0'",
    ),
    "texts": ("--precision fp32", "document 1, 'first': its words have changed since it was predicted"),
}


@pytest.mark.parametrize(("options", "problem"), OTHERWISE.values(), ids=OTHERWISE)
def test_a_run_is_not_resumed_otherwise(
    run: Run, workplace: Path, stopped: Callable[[int | None], None], options: str, problem: str
) -> None:
    stopped(2)
    run(f"{PREDICT} --output out.jsonl --resume")
    documents = workplace / "documents.jsonl"
    if "words" in problem:
        documents.write_text(documents.read_text().replace('"wrote"', '"writes"'))
    result = run(f"predict documents.jsonl --model model {options} --output out.jsonl --resume")
    line = f"atlop: --resume: out.jsonl.partial: {problem}; remove the folder to start over\n"
    assert (result.exit_code, result.stderr) == (1, line)


def start(workplace: Path) -> subprocess.Popen[bytes]:
    """Begin to predict the standard input in a process of its own."""
    command = ["-m", "atlop", "predict", "-", "--model", "model", "--precision", "fp32", "--output", "out.jsonl"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, *command], cwd=workplace, env=environment, **pipes)


def test_predict_reads_a_pipe(run: Run, workplace: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, (workplace / "documents.jsonl").read_bytes())
    os.close(writing)
    before = os.dup(0)
    os.dup2(reading, 0)
    result = run("predict - --model model --precision fp32 --output out.jsonl")
    os.dup2(before, 0)
    os.close(before)
    os.close(reading)
    assert (result.exit_code, result.stdout) == (0, "")
    assert re.fullmatch(rf"atlop: 3 documents in {SPEED}\n", result.stderr)
    assert titles((workplace / "out.jsonl").read_text()) == ["first", "second", "third"]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let Ctrl-C through: a shell that runs the tests in the background makes all their processes ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


ENDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "stopped by SIGTERM"}


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(("number", "line"), ENDS.items(), ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_a_run_that_waits_for_more_of_a_pipe(workplace: Path, number: int, line: str) -> None:
    before = sorted(workplace.iterdir())
    with start(workplace) as process:
        assert process.stdin is not None and process.stderr is not None
        process.stdin.write((workplace / "documents.jsonl").read_bytes())
        process.stdin.flush()
        deadline = time.monotonic() + PATIENCE
        while sorted(workplace.iterdir()) == before:  # it writes beside the output, so it waits for documents
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline, "the run does not begin to write"
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(PATIENCE) == 128 + number
        assert process.stderr.read().decode() == f"atlop: {line}\n"
    assert sorted(workplace.iterdir()) == before
