"""A model exported by the command, and predictions with it where there is no torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from atlop.folder import BUNDLED

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., Result]

WITHOUT_TORCH = """
import sys
from importlib.machinery import PathFinder

find = PathFinder.find_spec

def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] in ("accelerate", "onnx", "onnxscript", "torch") else find(name, path, target)

PathFinder.find_spec = find_spec
from atlop.cli import app
app()
"""
"""Runs atlop as if what an exported model can do without were not installed."""


def without_torch(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", WITHOUT_TORCH, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False)


def test_an_exported_model_predicts_without_torch_what_it_predicts_with_it(run: Run, workplace: Path) -> None:
    examples = BUNDLED.parent / "examples.jsonl"
    exported = run("export model --to onnx --output exported")
    assert (exported.exit_code, exported.stdout, exported.stderr) == (0, "Exported model in exported\n", "")
    own = run(f"predict {examples} --model model --precision fp32")
    done = without_torch("predict", str(examples), "--model", "exported")
    assert (done.returncode, done.stderr) == (0, "")
    assert [facts(line) for line in done.stdout.splitlines()] == [facts(line) for line in own.stdout.splitlines()]
    assert any(facts(line) for line in done.stdout.splitlines())
    for found, expected in zip(done.stdout.splitlines(), own.stdout.splitlines(), strict=True):
        assert confidences(found) == pytest.approx(confidences(expected), abs=1e-3)


def facts(line: str) -> list[tuple[int, int, str]]:
    return [(row["head"], row["tail"], row["relation"]) for row in json.loads(line)["relations"]]


def confidences(line: str) -> list[float]:
    return [row["confidence"] for row in json.loads(line)["relations"]]


def test_without_torch_a_model_that_needs_it_says_so(workplace: Path) -> None:
    done = without_torch("predict", "documents.jsonl", "--model", "model")
    message = "model: needs torch, which is not installed; install it, or use a model that `atlop export` wrote"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"atlop: {message}\n")


@pytest.mark.parametrize(
    "command",
    ["info model", "export model --output exported", f"train {ROOT}/configs/cdr-minilm.yaml --output trained"],
    ids=lambda command: command.partition(" ")[0],
)
def test_without_torch_commands_that_need_it_say_so(workplace: Path, command: str) -> None:
    before = sorted(workplace.iterdir())
    done = without_torch(*command.split())
    assert (done.returncode, done.stdout) == (1, "")
    # transformers may say before that it misses torch.
    assert done.stderr.endswith("atlop: this command needs torch, which is not installed\n")
    assert "Traceback" not in done.stderr
    assert sorted(workplace.iterdir()) == before
