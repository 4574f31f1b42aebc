"""What a sweep trains, read from a YAML file and checked before anything is trained.

Such a file:

    name: cdr-paper
    base: ../cdr-minilm.yaml        # the settings of every row
    settings: {epochs: 20}          # instead of some of them
    seeds: [66, 67, 68]
    rows:
      - name: full
        published: {f1: 61.09, source: Zhou et al., DocRED dev}
      - name: without context pooling
        settings: {model.context: none}
        seeds: [66]
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlop.config import TrainingConfig, load_training_config
from atlop.errors import AtlopError, ConfigError, got
from atlop.yaml_settings import read_yaml

NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
"""Names of sweeps, which are also names of files."""

MODELS = ("encoder", "init")
"""Settings that are a name on the Hub or a folder."""
FILES = tuple(entry.name for entry in dataclasses.fields(TrainingConfig) if "Path" in str(entry.type))
"""Settings that are files or folders."""

SWEEP_KEYS = ("name", "base", "settings", "seeds", "rows")
ROW_KEYS = ("name", "settings", "seeds", "published", "note")


def run_folder(name: str, seed: int) -> str:
    """Return the name of the folder of a run, from the name of its row and its seed."""
    return f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}-{seed}"


@dataclass(frozen=True)
class Run:
    """One training run of a sweep."""

    name: str
    """Name of its row."""
    seed: int
    settings: dict[str, Any]
    """What its row changes in the base."""
    config: TrainingConfig
    published: dict[str, Any]
    note: str

    @property
    def key(self) -> tuple[str, int]:
        """What identifies a run in its sweep."""
        return self.name, self.seed

    @property
    def folder(self) -> str:
        """Name of the folder to train into."""
        return run_folder(self.name, self.seed)


@dataclass(frozen=True)
class Plan:
    """The runs of a sweep, row by row."""

    name: str
    base: Path
    """Configuration that all rows share."""
    common: dict[str, Any]
    """Settings that replace those of the base in all rows."""
    runs: tuple[Run, ...]
    listed: tuple[Run, ...]
    """Every run of the file, also those that :meth:`only` left out."""

    def only(self, names: Sequence[str] | None = None, seeds: Sequence[int] | None = None) -> Plan:
        """Return the plan with only some of its rows and seeds, or with all where none are given.

        Raises:
            AtlopError: naming the rows or seeds that the plan does not have.
        """
        _check_known("rows", names, [run.name for run in self.runs])
        rows = [run for run in self.runs if not names or run.name in names]
        _check_known("seeds", seeds, [run.seed for run in rows])
        return dataclasses.replace(self, runs=tuple(run for run in rows if not seeds or run.seed in seeds))


def _check_known(kind: str, chosen: Sequence[Any] | None, known: Sequence[Any]) -> None:
    missing = [value for value in chosen or () if value not in known]
    if missing:
        found, expected = (", ".join(map(repr, dict.fromkeys(listed))) for listed in (missing, known))
        raise AtlopError(f"{kind}: got {found}, expected some of {expected}")


def read_plan(path: Path, overrides: Mapping[str, Any] | None = None) -> Plan:
    """Read a sweep.

    Args:
        path: the YAML file; its ``base`` is relative to its folder.
        overrides: settings that replace those of the base and of the sweep, but not what a row has of its own.

    Raises:
        ConfigError: listing every mistake in the sweep and in the settings of its rows.
    """
    stored = read_yaml(path)
    mistakes = [*_mistakes(stored), *(m for place, row in _rows(stored) for m in _row_mistakes(place, row))]
    if mistakes:
        raise ConfigError(mistakes, source=str(path))
    base, common = path.parent / stored["base"], {**stored.get("settings", {}), **(overrides or {})}
    runs = [
        run
        for place, row in _rows(stored)
        for run in _runs(place, row, base, common, row.get("seeds", stored["seeds"]), mistakes)
    ]
    mistakes += _repeated([run.folder for run in runs])
    if mistakes:
        raise ConfigError(list(dict.fromkeys(mistakes)), source=str(path))
    return Plan(stored["name"], base, common, tuple(runs), tuple(runs))


def _rows(stored: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    rows = stored.get("rows")
    for place, row in enumerate(rows if isinstance(rows, list) else ()):
        yield f"rows[{place}]", row


def _mistakes(stored: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a sweep, apart from its rows."""
    yield from _unknown(stored, SWEEP_KEYS, "")
    name, base, rows = (stored.get(key) for key in ("name", "base", "rows"))
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield f"name: {_found(stored, 'name')}, expected lower-case letters, digits and hyphens"
    if not isinstance(base, str) or not base:
        yield f"base: {_found(stored, 'base')}, expected the path of a training configuration"
    if not isinstance(rows, list) or not rows:
        yield f"rows: {_found(stored, 'rows')}, expected a list of rows, each with a name"
    yield from _settings_mistakes(stored.get("settings", {}), "settings")
    yield from _seeds_mistakes(stored.get("seeds"), "seeds")


def _found(stored: Mapping[str, Any], key: str) -> str:
    return f"got {got(stored[key])}" if key in stored else "missing"


def _row_mistakes(place: str, row: Any) -> Iterator[str]:
    """Yield what is wrong with a row."""
    if not isinstance(row, dict):
        yield f"{place}: got {got(row)}, expected a row with a name"
        return
    yield from _unknown(row, ROW_KEYS, f"{place}.")
    name, published, note = row.get("name"), row.get("published", {"f1": 0.0, "source": ""}), row.get("note", "")
    if not isinstance(name, str) or not re.search("[A-Za-z0-9]", name):
        yield f"{place}.name: {_found(row, 'name')}, expected a name with a letter or a digit"
    if not _is_published(published):
        yield f"{place}.published: got {got(published)}, expected f1, in points, and source"
    if not isinstance(note, str):
        yield f"{place}.note: got {got(note)}, expected a string"
    yield from _settings_mistakes(row.get("settings", {}), f"{place}.settings")
    yield from _seeds_mistakes(row.get("seeds", [0]), f"{place}.seeds")


def _is_published(value: Any) -> bool:
    if not isinstance(value, dict) or value.keys() != {"f1", "source"}:
        return False
    return type(value["f1"]) in (int, float) and isinstance(value["source"], str)


def _unknown(stored: Mapping[str, Any], known: tuple[str, ...], prefix: str) -> Iterator[str]:
    for key in stored:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            yield f"{prefix}{key}: no such key" + (f"; did you mean {close[0]}?" if close else "")


def _settings_mistakes(settings: Any, place: str) -> Iterator[str]:
    if not isinstance(settings, dict) or not all(isinstance(key, str) for key in settings):
        yield f"{place}: got {got(settings)}, expected settings, one 'name: value' per line"
    elif "seed" in settings:
        yield f"{place}.seed: got {got(settings['seed'])}, expected no seed among the settings; list it under seeds"


def _seeds_mistakes(seeds: Any, place: str) -> Iterator[str]:
    if not isinstance(seeds, list) or not seeds or len({*map(str, seeds)}) != len(seeds):
        found = "missing" if seeds is None else f"got {got(seeds)}"
        yield f"{place}: {found}, expected a list of integers, each once"


def _runs(
    place: str, row: Mapping[str, Any], base: Path, common: Mapping[str, Any], seeds: list[Any], mistakes: list[str]
) -> Iterator[Run]:
    """Yield the runs of a row; what is wrong with their settings is added to ``mistakes``."""
    own = dict(row.get("settings", {}))
    for seed in seeds:
        try:
            config = load_training_config(base, {**common, **own, "seed": seed})
        except ConfigError as error:
            mistakes += [f"{place}: {mistake}" for mistake in error.mistakes]
            continue
        if config.dev is None:
            mistakes.append(f"{place}: dev: got none, expected the documents on which the row is scored")
        yield Run(row["name"], seed, own, config, dict(row.get("published", {})), row.get("note", ""))


def _repeated(folders: list[str]) -> Iterator[str]:
    """Yield a mistake for each folder that several runs would share, as their rows' names are equal or too similar."""
    for folder in dict.fromkeys(folders):
        if folders.count(folder) > 1:
            yield f"rows: got several runs {folder!r}, expected names that differ in letters or digits"
