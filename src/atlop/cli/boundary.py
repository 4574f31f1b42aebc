"""The boundary between atlop and the shell: errors and signals become one line and an exit status."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import typer
from typer.core import TyperGroup

from atlop.errors import AtlopError

NEEDS = ("accelerate", "huggingface_hub", "numpy", "nupunkt", "safetensors", "sklearn", "torch", "transformers")
"""Packages that may be missing, for example where an installation only predicts with exported models."""

SIGPIPE = 13
"""Number of the signal that ends a program whose output nobody reads; Windows does not define it."""


class Stopped(KeyboardInterrupt):
    """SIGTERM or SIGHUP; whatever cleans up after Ctrl-C cleans up after these, too."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Commands(TyperGroup):
    """A group of commands that ends every expected failure in one line on standard error."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the command line with usable streams, signals that clean up, and warnings as plain lines."""
        _prepare_streams()
        with _signals_as_exceptions(), _plain_warnings():
            return super().main(*args, **options)

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Parse the global options; ``--help`` prints here."""
        with one_line():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with one_line(debug=ctx.params["debug"]):
            if "" in ctx.args:  # as a path it would be the current folder
                raise AtlopError("got an empty argument; is a shell variable unset?")
            return super().invoke(ctx)


@contextmanager
def one_line(*, debug: bool = False) -> Iterator[None]:
    """Turn expected failures into one line on standard error and an exit status.

    Args:
        debug: whether to print the traceback before the line.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        status, line = _outcome(error)
        if status is None:
            raise
        if debug:
            typer.echo("".join(traceback.format_exception(error)), err=True, nl=False)
        if line:
            typer.echo(f"atlop: {line}", err=True)
        raise typer.Exit(status) from error


def _outcome(error: BaseException) -> tuple[int | None, str]:
    """Return the exit status of a failure and the line that explains it; no status for an unexpected failure."""
    if any(isinstance(part, BrokenPipeError) for part in (error, error.__cause__, error.__context__)):
        _discard_output()
        return 128 + SIGPIPE, ""
    if isinstance(error, KeyboardInterrupt):
        number = error.number if isinstance(error, Stopped) else signal.SIGINT
        ended = f"stopped by {signal.Signals(number).name}" if isinstance(error, Stopped) else "interrupted"
        return 128 + number, ": ".join([ended, *map(str, error.args)])
    line = _explained(error)
    return (None, "") if line is None else (1, line)


def _explained(error: BaseException) -> str | None:
    """Return why a command failed; ``None`` for a bug in atlop itself, whose traceback is needed."""
    if isinstance(error, AtlopError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        missing = (error.name or "").partition(".")[0]
        return f"this command needs {missing}, which is not installed" if missing in NEEDS else None
    if isinstance(error, RecursionError):
        return "the input is nested too deeply"
    if _is_out_of_memory(error):
        return "out of memory; use smaller documents or batches, or a machine with more memory"
    return _explained_os_error(error) if isinstance(error, OSError) else None


def _is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out, without importing torch to name its errors."""
    allocator = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or allocator


def _explained_os_error(error: OSError) -> str:
    problem = error.strerror or " ".join(str(error).split()) or type(error).__name__
    if error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {problem}"
    try:
        sys.stdout.flush()
    except OSError:
        _discard_output()
    return problem


def _discard_output() -> None:
    """Discard what is still in the buffer of standard output, so that Python does not fail on it at exit."""
    with suppress(OSError, ValueError):  # ValueError: a stream that is not a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _prepare_streams() -> None:
    """Replace streams that the shell has closed, and escape characters that standard output cannot encode."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    """Raise :class:`Stopped` on SIGTERM and SIGHUP, unless they are ignored, as under nohup, or already handled."""
    # Windows has no SIGHUP, and only the main thread may set handlers.
    known = [number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
    own = threading.current_thread() is threading.main_thread()
    handled = [number for number in known if own and signal.getsignal(number) is signal.SIG_DFL]

    def stop(number: int, frame: FrameType | None) -> None:
        for other in handled:  # a second signal must not interrupt the cleanup
            signal.signal(other, signal.SIG_IGN)
        raise Stopped(number)

    for number in handled:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


class _PlainLines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Print a record as one line."""
        _print_notice(record.levelname.lower(), record.getMessage())


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show logged warnings and those of :mod:`warnings` as ``atlop: warning: ...``."""

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        _print_notice("warning", str(message))

    handler = _PlainLines(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = show
            yield
    finally:
        logging.getLogger().removeHandler(handler)


def _print_notice(level: str, message: str) -> None:
    typer.echo(f"atlop: {level}: {' '.join(message.split())}", err=True)
