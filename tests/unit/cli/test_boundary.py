from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from atlop.cli import app
from atlop.cli.boundary import Commands, Stopped
from atlop.errors import AtlopError

Run = Callable[..., Result]


def fail(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.fixture
def run() -> Run:
    """Run a command inside the boundary."""

    def call(command: Callable[[], None], *before: str) -> Result:
        program = typer.Typer(cls=Commands, add_completion=False, pretty_exceptions_enable=False)
        program.callback()(_options)
        program.command("run")(command)
        return CliRunner().invoke(program, [*before, "run"])

    return call


def _options(debug: bool = typer.Option(False, "--debug")) -> None:
    """Take the one option that the boundary reads."""


class OutOfMemoryError(RuntimeError):
    """Named like torch's error for the memory of a GPU."""


MEMORY = "out of memory; use smaller documents or batches, or a machine with more memory"
FAILURES = {
    "of atlop": (AtlopError("a.json: is bad"), 1, "a.json: is bad"),
    "of a file": (PermissionError(13, "Permission denied", "a.json"), 1, "a.json: Permission denied"),
    "of a file with a name that is no UTF-8": (
        OSError(5, "Input/output error", b"\xff"),
        1,
        "\\udcff: Input/output error",
    ),
    "of the system": (OSError(24, "Too many open files"), 1, "Too many open files"),
    "without a reason": (OSError(), 1, "OSError"),
    "of memory": (MemoryError(), 1, MEMORY),
    "of a GPU's memory": (OutOfMemoryError("CUDA out of memory."), 1, MEMORY),
    "of torch's memory": (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 1, MEMORY),
    "of recursion": (RecursionError("maximum recursion depth exceeded"), 1, "the input is nested too deeply"),
    "of torch missing": (
        ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn"),
        1,
        "this command needs torch, which is not installed",
    ),
    "Ctrl-C": (KeyboardInterrupt(), 130, "interrupted"),
    "Ctrl-C with more to say": (KeyboardInterrupt("documents kept: 2"), 130, "interrupted: documents kept: 2"),
    "SIGTERM": (Stopped(signal.SIGTERM), 143, "stopped by SIGTERM"),
    "SIGHUP": (Stopped(signal.SIGHUP), 129, "stopped by SIGHUP"),
}


@pytest.mark.parametrize(("error", "status", "line"), FAILURES.values(), ids=FAILURES)
def test_an_expected_failure_is_one_line(run: Run, error: BaseException, status: int, line: str) -> None:
    result = run(fail(error))
    assert (result.exit_code, result.stdout, result.stderr) == (status, "", f"atlop: {line}\n")


@pytest.mark.parametrize("error", [AtlopError("bad"), OSError(24, "Too many open files"), KeyboardInterrupt()])
def test_debug_prints_the_traceback_before_the_line(run: Run, error: BaseException) -> None:
    result = run(fail(error), "--debug")
    lines = result.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "raise error" in result.stderr
    assert lines[-1].startswith("atlop: ")


@pytest.mark.parametrize(
    "error", [ValueError("a mistake in atlop"), ModuleNotFoundError("No module named 'atlop.none'", name="atlop.none")]
)
def test_a_mistake_in_atlop_keeps_its_traceback(run: Run, error: Exception) -> None:
    assert run(fail(error)).exception is error


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_output_that_nobody_reads_ends_quietly(run: Run, wrapped: bool) -> None:
    def command() -> None:
        try:
            raise BrokenPipeError(32, "Broken pipe")
        except BrokenPipeError as error:
            if wrapped:
                raise AtlopError("out: cannot be written: Broken pipe") from error
            raise

    result = run(command)
    assert (result.exit_code, result.output) == (141, "")


def test_an_empty_argument_is_not_the_current_folder() -> None:
    result = CliRunner().invoke(app, ["predict", "", "--output", "out.jsonl"])
    line = "atlop: got an empty argument; is a shell variable unset?\n"
    assert (result.exit_code, result.output) == (1, line)


def test_warnings_are_plain_lines(run: Run) -> None:
    def command() -> None:
        warnings.simplefilter("always")
        warnings.warn("a key is\nmisspelt", stacklevel=1)
        logging.getLogger("atlop.features").warning("%d documents are cut", 2)
        logging.getLogger("atlop.features").error("nothing is left")
        logging.getLogger("atlop.features").info("not shown")

    handlers = list(logging.getLogger().handlers)
    result = run(command)
    expected = ["warning: a key is misspelt", "warning: 2 documents are cut", "error: nothing is left"]
    assert (result.exit_code, result.stderr.splitlines()) == (0, [f"atlop: {line}" for line in expected])
    assert logging.getLogger().handlers == handlers


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_signals_clean_up(run: Run, name: str) -> None:
    number = getattr(signal, name)
    cleaned = []

    def command() -> None:
        try:
            os.kill(os.getpid(), number)
        finally:
            os.kill(os.getpid(), number)  # a second one does not disturb it
            cleaned.append(True)

    before = signal.signal(number, signal.SIG_DFL)  # the tests themselves may run under nohup
    try:
        result = run(command)
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert (result.exit_code, result.stderr, cleaned) == (128 + number, f"atlop: stopped by {name}\n", [True])


def test_a_signal_that_nohup_ignores_stays_ignored(run: Run) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run(lambda: os.kill(os.getpid(), signal.SIGHUP)).exit_code == 0
    finally:
        signal.signal(signal.SIGHUP, before)


SHELL = {
    "a reader that stops": ("-m atlop --help | sleep 0; exit ${PIPESTATUS[0]}", 141, ""),
    "a full disk": ("-m atlop --version > /dev/full", 1, "atlop: No space left on device\n"),
    "a closed output": ("-m atlop --version >&-", 0, ""),
    "a closed error output": ("-m atlop predict none.jsonl 2>&-", 1, ""),
}


@pytest.mark.parametrize(("command", "status", "stderr"), SHELL.values(), ids=SHELL)
def test_outputs_that_the_shell_closes(command: str, status: int, stderr: str) -> None:
    done = subprocess.run(["bash", "-c", f"{sys.executable} {command}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", stderr)


def test_characters_that_the_output_cannot_encode_are_escaped() -> None:
    code = "from atlop.cli.boundary import _prepare_streams; _prepare_streams(); print('é \\udcff')"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "\\xe9 \\udcff\n"
