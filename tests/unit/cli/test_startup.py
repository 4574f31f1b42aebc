from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlop.cli.startup import CACHES, loading, without_gc
from atlop.documents import Document
from atlop.formats import write


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_garbage_is_not_collected_while_loading() -> None:
    with without_gc():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_garbage_is_collected_again_after_a_failed_start() -> None:
    with pytest.raises(KeyboardInterrupt), without_gc():
        raise KeyboardInterrupt
    assert gc.isenabled()


@pytest.mark.parametrize(("before", "after"), [(None, "64"), ("7", "7")])
def test_caches_are_bounded_unless_the_user_bounds_them(
    monkeypatch: pytest.MonkeyPatch, before: str | None, after: str
) -> None:
    for name in CACHES:
        monkeypatch.setenv(name, before or "")
        if before is None:
            monkeypatch.delenv(name)
    with loading():
        assert not gc.isenabled()
        assert [os.environ[name] for name in CACHES] == [after, after]


COMMANDS = (
    "--help",
    "--version",
    "predict --help",
    "convert a.jsonl --to docred --output a.json",
    "evaluate --gold a.jsonl --predictions a.jsonl",
    "evaluate --gold a.jsonl --predictions a.jsonl --end-to-end",
    "check a.jsonl --dev a.jsonl",
    "predict a.jsonl --precision fp64",
    "predict a.jsonl --device tpu",
    "predict a.jsonl --min-confidence 2",
    "predict a.jsonl --output a.csv",
    "predict a.jsonl --output none/a.jsonl",
    "predict a.jsonl --model ./none --revision v1",
    "predict none.jsonl",
    "predict plain.txt",
    "train none.yaml --output new",
)

SCRIPT = """
import json, sys
from atlop.cli import app
brought = {}
for command in json.loads(sys.argv[1]):
    try:
        app(command.split())
    except SystemExit:
        brought[command] = sorted({'torch', 'transformers'} & sys.modules.keys())
print(json.dumps(brought), file=sys.stderr)
"""


def test_commands_that_need_no_model_library_import_none(tmp_path: Path) -> None:
    write([Document("a", ())], tmp_path / "a.jsonl")
    (tmp_path / "plain.txt").write_text("Kant was born in 1724.")
    command = [sys.executable, "-c", SCRIPT, json.dumps(COMMANDS)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert json.loads(done.stderr.splitlines()[-1]) == {command: [] for command in COMMANDS}
