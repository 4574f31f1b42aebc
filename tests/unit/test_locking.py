from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from atlop import locking
from atlop.locking import locked

HOLD = "import sys, pathlib; from atlop.locking import locked\nwith locked(pathlib.Path(sys.argv[1])) as ours:\n"


def test_one_holds_a_lock_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path / "lock") as first, locked(tmp_path / "lock") as second:
        assert (first, second) == (True, False)
    with locked(tmp_path / "lock") as third:
        assert third


def test_a_killed_process_holds_no_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"{HOLD} print(ours, flush=True); input()", str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        with locked(tmp_path / "lock") as ours:
            assert not ours
        process.kill()
        process.wait()
    with locked(tmp_path / "lock") as ours:
        assert ours


def test_a_lock_that_its_last_holder_removed_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def acquire(_: object) -> bool:
        (tmp_path / "lock").unlink()
        return True

    monkeypatch.setattr(locking, "_acquire", acquire)
    with locked(tmp_path / "lock") as ours:
        assert not ours


def test_a_file_system_without_locks_lets_everyone_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(locking.fcntl, "flock", refuse)
    with locked(tmp_path / "lock") as ours:
        assert ours


def test_a_lock_that_is_removed_while_it_is_looked_for_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "lock").open("ab") as file:
        (tmp_path / "lock").unlink()
        monkeypatch.setattr(Path, "exists", lambda path: True)
        assert not locking._is_still_there(tmp_path / "lock", file)
