"""The output folder of a run: what it may hold, and the states to resume from."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

from atlop.config import TrainingConfig
from atlop.errors import AtlopError, ConfigError
from atlop.folder import read_json

CONFIG, HISTORY, STATES = "training.json", "history.json", "states"

STATE_FILES = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state*.pth", "trainer_state.json")
"""What a state holds that was saved to its end; the last is written last. Of random states each process has one."""


def describe(config: TrainingConfig, init: str | None) -> dict[str, Any]:
    """Give what a run depends on, as JSON holds it: its configuration and the model that it starts from."""
    settings = dataclasses.asdict(config) | {"init": init}
    described: dict[str, Any] = json.loads(json.dumps(settings, default=str))
    return described


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file that appears whole or not at all."""
    staged = path.with_suffix(".tmp")
    staged.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    staged.replace(path)


def check_output(output: Path, settings: dict[str, Any], *, resume: bool) -> None:
    """Refuse a folder that holds something else, or a run with other settings.

    Args:
        output: the folder.
        settings: what :func:`describe` gave.
        resume: whether to go on with the run in it.

    Raises:
        AtlopError: saying what is in the way.
        ConfigError: with every setting that differs from the run to resume.
    """
    if not output.exists():
        return
    if not output.is_dir():
        raise AtlopError(f"{output}: is a file, expected a folder for the model")
    if not any(output.iterdir()):
        return
    if not resume:
        raise AtlopError(f"{output}: is not empty; choose a new folder, or go on with its run by --resume")
    if not (output / CONFIG).exists():
        raise AtlopError(f"{output}: is not empty and holds no run to go on with; choose a new folder")
    _check_same(read_json(output / CONFIG), settings, output)


def _check_same(stored: Any, now: dict[str, Any], output: Path) -> None:
    before = stored if isinstance(stored, dict) else {}
    differ = [name for name in now if before.get(name) != now[name]]
    if differ:
        mistakes = [f"{name}: got {now[name]!r}, the run began with {before.get(name)!r}" for name in differ]
        raise ConfigError(mistakes, source=f"--resume {output}")


def last_state(folder: Path) -> str | None:
    """Find the newest state that was saved to its end, and clear away what a killed run left half-written."""
    states = sorted(folder.glob("checkpoint-*"), key=lambda state: int(state.name.rpartition("-")[2]))
    while states and not _is_whole(states[-1]):
        shutil.rmtree(states.pop(), ignore_errors=True)
    return str(states[-1]) if states else None


def _is_whole(state: Path) -> bool:
    try:
        json.loads((state / STATE_FILES[-1]).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return all(any(state.glob(name)) for name in STATE_FILES)
