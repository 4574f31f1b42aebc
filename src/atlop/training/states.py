"""The output folder of a run: its lock, its contents, and the states to resume from."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from safetensors import safe_open
from transformers import TrainerState

from atlop.config import TrainingConfig
from atlop.errors import AtlopError, ConfigError, reason
from atlop.folder import read_json
from atlop.locking import locked_folder

logger = logging.getLogger(__name__)

CONFIG, HISTORY, STATES = "training.json", "history.json", "states"

LOCK = ".training"
"""Lock file of a running process; the system releases the lock when the process ends, even if it is killed."""

STATE_FILES = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state*.pth", "trainer_state.json")
"""The files of a complete state, the last one written last; each process has a random state of its own."""


def describe(config: TrainingConfig) -> dict[str, Any]:
    """Return everything that a run depends on as JSON."""
    described: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config), default=str))
    return described


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all.

    Raises:
        AtlopError: if it cannot be written.
    """
    written, staged = json.dumps(value, indent=2, ensure_ascii=False) + "\n", path.with_suffix(".tmp")
    try:
        staged.write_text(written, encoding="utf-8")
        staged.replace(path)
    except OSError as error:
        with suppress(OSError):
            staged.unlink(missing_ok=True)
        raise AtlopError(f"{path}: cannot be written: {reason(error)}") from error


@contextmanager
def claim(output: Path) -> Iterator[None]:
    """Lock the output folder for one run; if the run created the folder and leaves it empty, remove it again.

    Raises:
        AtlopError: if another run has locked it, or it cannot be written.
    """
    with ExitStack() as stack:
        try:
            ours = stack.enter_context(locked_folder(output, LOCK))
        except FileExistsError as error:
            raise AtlopError(f"{output}: is not a folder, expected one for the model") from error
        except OSError as error:
            raise AtlopError(f"{output}: cannot be written: {reason(error)}") from error
        if not ours:
            raise AtlopError(f"{output}: another run is training into this folder; wait for it, or choose a new folder")
        yield


def check_output(output: Path, settings: dict[str, Any], *, resume: bool) -> None:
    """Refuse a folder that is not empty, unless it contains a run to resume with the same settings.

    Args:
        output: the folder.
        settings: what :func:`describe` returned.
        resume: whether to continue the run in it.

    Raises:
        AtlopError: saying what is in the way.
        ConfigError: listing every setting that differs from the run to resume.
    """
    if all(path.name == LOCK for path in output.iterdir()):
        return
    if not resume:
        raise AtlopError(f"{output}: is not empty; choose a new folder, or continue its run with --resume")
    if not (output / CONFIG).exists():
        raise AtlopError(f"{output}: is not empty and holds no run to resume; choose a new folder")
    stored = read_json(output / CONFIG)
    before = stored if isinstance(stored, dict) else {}
    differ = [name for name in settings if before.get(name) != settings[name]]
    if differ:
        expected = "restore the setting, or choose a new folder"
        both = ((name, settings[name], before.get(name)) for name in differ)
        mistakes = [f"{name}: got {now!r}, the run began with {then!r}; {expected}" for name, now, then in both]
        raise ConfigError(mistakes, source=f"--resume {output}")


def last_state(folder: Path) -> str | None:
    """Return the newest state that is complete and undamaged; later ones are removed, with a warning."""
    numbered = ((re.fullmatch(r"checkpoint-(\d+)", path.name), path) for path in folder.glob("checkpoint-*"))
    states = sorted((int(match[1]), path) for match, path in numbered if match)
    while states:
        step, state = states.pop()
        damage = _damage(state, step)
        if damage is None:
            return str(state)
        before = states[-1][1].name if states else "the beginning"
        logger.warning("%s: is incomplete or damaged (%s); resuming from %s", state, damage, before)
        shutil.rmtree(state, ignore_errors=True)
    return None


def _damage(state: Path, step: int) -> str | None:
    """Return what is wrong with a state, or ``None``."""
    for pattern in STATE_FILES:
        files = list(state.glob(pattern))
        if not files:
            return f"{pattern}: missing"
        for file in files:
            try:
                sound = _is_sound(file, step)
            except Exception as error:  # damaged files raise errors of every kind
                return f"{file.name}: {reason(error)}"
            if not sound:
                return f"{file.name}: broken"
    return None


def _is_sound(file: Path, step: int) -> bool:
    """Read a file of a state far enough to detect damage, without keeping its contents."""
    if file.suffix == ".json":
        return bool(TrainerState.load_from_json(str(file)).global_step == step)
    if file.suffix == ".safetensors":
        with safe_open(file, framework="pt") as weights:
            return bool(weights.keys())
    with ZipFile(file) as archive:
        return archive.testzip() is None
