from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from atlop.cli.startup import without_gc
from atlop.documents import Document
from atlop.formats import write


def test_there_is_no_looking_for_garbage_at_the_start_only() -> None:
    with without_gc():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.unfreeze()


def test_a_start_that_fails_looks_for_garbage_again() -> None:
    with pytest.raises(KeyboardInterrupt), without_gc():
        raise KeyboardInterrupt
    assert gc.isenabled()
    gc.unfreeze()


COMMANDS = {
    "help": "--help",
    "help of a command": "predict --help",
    "convert": "convert a.jsonl --to docred --output a.json",
    "evaluate": "evaluate --gold a.jsonl --predictions a.jsonl",
    "a wrong option": "predict a.jsonl --precision fp64",
    "a missing file": "predict none.jsonl",
    "a wrong configuration": "train none.yaml --output new",
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_that_needs_no_model_library_imports_none(command: str, tmp_path: Path) -> None:
    write([Document("a", ())], tmp_path / "a.jsonl")
    code = (
        "import sys; from atlop.cli import app\n"
        f"try: app({command.split()!r})\n"
        "finally: print({'torch', 'transformers'} & sys.modules.keys(), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "set()"
