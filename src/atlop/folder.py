"""Model folders: where they are found, and everything in them but the weights, read and written without torch.

    atlop.json          format version and the ModelConfig
    calibration.json    the offset of the threshold, and the confidence of margins
    labels.json         relation names, display names, entity types, and the threshold
    encoder/            config.json and tokenizer of the encoder, as transformers stores them

A model is saved whole or not at all, and no code in a folder is ever run.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlop import labels as label_maps
from atlop.calibration import MOVED, Calibration
from atlop.config import ModelConfig, build_model_config
from atlop.errors import CheckpointError, ConfigError, LabelError, got, reason
from atlop.hub import download
from atlop.labels import LabelMap

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FORMAT = 1
"""Version of the layout of a folder; raised when an older atlop can no longer read a new folder."""

SETTINGS, LABELS, ENCODER, WEIGHTS = "atlop.json", "labels.json", "encoder", "model.safetensors"
CALIBRATION = "calibration.json"

ENCODER_GRAPH, ENTITIES_GRAPH = "encoder.onnx", "entities.onnx"
CONTEXTS_GRAPH, PAIRS_GRAPH, INTERACTION_GRAPH = "contexts.onnx", "pairs.onnx", "interaction.onnx"
"""The graphs that an exported model has in place of weights."""

MODEL_FILES = (
    *(SETTINGS, LABELS, CALIBRATION, ENCODER, WEIGHTS),
    *(ENCODER_GRAPH, ENTITIES_GRAPH, CONTEXTS_GRAPH, PAIRS_GRAPH, INTERACTION_GRAPH),
)
"""What belongs to a model of any kind, ``atlop.json`` first; anything else in a folder is left alone."""

STAGING = ".saving-"
"""Prefix of the folder in which a model is put together; leftovers come from killed processes."""

BUNDLED = Path(__file__).parent / "bundled" / "redocred-minilm"
"""The model that comes with the package."""
BUNDLED_NAME = "bundled"
"""The bundled model's name, for where ``None`` means no model; a folder of this name takes precedence."""

HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
"""A name on the Hugging Face Hub, such as ``org/name``."""


def find_folder(name: str | Path | None, revision: str | None = None) -> Path:
    """Return the model folder of a name.

    Args:
        name: a folder, a name on the Hugging Face Hub, or ``None`` or :data:`BUNDLED_NAME` for the bundled model.
        revision: branch, tag or commit of a model on the Hub.

    Raises:
        CheckpointError: if there is no such folder.
    """
    try:
        name = None if name == BUNDLED_NAME and not Path(name).exists() else name
        exists, is_local = name is None or Path(name).exists(), name is None or Path(name).is_dir()
        may_be_on_hub = isinstance(name, str) and HUB_NAME.fullmatch(name) and not Path(name).parent.exists()
    except OSError as error:
        raise CheckpointError(f"model {str(name)!r}: cannot be read: {reason(error)}") from error
    if is_local and revision is not None:
        raise CheckpointError(f"revision: got {revision!r} for a local model; only models on the Hub have revisions")
    if is_local:
        return BUNDLED if name is None else Path(name)
    if exists:
        raise CheckpointError(f"model {str(name)!r}: is a file, expected a model folder")
    if not may_be_on_hub:
        expected = "expected a model folder, or the name of one on the Hugging Face Hub, such as org/name"
        raise CheckpointError(f"model {str(name)!r}: no such folder; {expected}")
    return download(str(name), revision, files=[*MODEL_FILES, f"{ENCODER}/*"])


def load_config(folder: Path) -> ModelConfig:
    """Read the settings of a model folder.

    Raises:
        CheckpointError: if there are none, or they are of a newer format.
    """
    if not (folder / SETTINGS).exists() and any(folder.glob(f"{STAGING}*")):
        raise CheckpointError(f"{folder}: holds no model, as saving it was interrupted; save or train it again")
    stored = read_json(folder / SETTINGS)
    version = stored.get("format") if isinstance(stored, dict) else None
    if version != FORMAT:
        raise CheckpointError(f"{folder / SETTINGS}: got format {got(version)}, this atlop reads format {FORMAT}")
    settings = stored.get("model", "nothing")
    if isinstance(settings, dict):
        settings = {name: value for name, value in settings.items() if name not in MOVED}
    try:
        return build_model_config(settings, source=str(folder / SETTINGS))
    except ConfigError as error:
        raise CheckpointError(str(error)) from error


def load_calibration(folder: Path) -> Calibration:
    """Read the calibration of a model folder; version 0.1 stored it among the settings.

    Raises:
        CheckpointError: if it cannot be read.
    """
    if not (folder / CALIBRATION).exists():
        return _calibration_of(folder / SETTINGS, lambda stored: Calibration.from_settings(stored.get("model")))
    return _calibration_of(folder / CALIBRATION, Calibration.from_json)


def _calibration_of(path: Path, read: Callable[[Any], Calibration]) -> Calibration:
    stored = read_json(path)
    try:
        return read(stored)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Replace the calibration of a model folder, whole or not at all.

    Raises:
        CheckpointError: if the folder cannot be written.
    """
    staged = folder / f".{CALIBRATION}"
    try:
        _write_json(staged, calibration.to_json())
        staged.replace(folder / CALIBRATION)
    except OSError as error:
        with suppress(OSError):
            staged.unlink(missing_ok=True)
        raise CheckpointError(f"{folder}: the calibration cannot be saved: {reason(error)}") from error


def initial_config(name: str | Path) -> ModelConfig:
    """Return the settings with which training from a model starts: the model's own.

    Args:
        name: a folder, or a name on the Hugging Face Hub.

    Raises:
        CheckpointError: if the model cannot be read.
    """
    return load_config(find_folder(name))


def load_labels(folder: Path) -> LabelMap:
    """Read the label map of a model folder.

    Raises:
        CheckpointError: if there is none.
    """
    try:
        return LabelMap.from_json(read_json(folder / LABELS))
    except LabelError as error:
        raise CheckpointError(f"{folder / LABELS}: {error}") from error


def check_encoder(folder: Path) -> None:
    """Refuse a folder without an encoder, whose name transformers would look up on the Hub.

    Raises:
        CheckpointError: naming the file that is missing.
    """
    # Unlike the method of Path, this function does not raise on a folder that cannot be read, or an overlong name.
    if not os.path.isfile(folder / "config.json"):  # noqa: PTH113
        raise CheckpointError(f"{folder / 'config.json'}: no such file, expected one in the folder of every encoder")


def load_tokenizer(encoder: Path) -> PreTrainedTokenizerBase:
    """Read the tokenizer in the folder of an encoder.

    Raises:
        CheckpointError: if there is no such folder, transformers cannot read it, or would have to run code in it, or if
            the tokenizer does not fit the encoder.
    """
    from transformers import AutoTokenizer

    check_encoder(encoder)
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            encoder, trust_remote_code=False, local_files_only=True
        )
    # Damaged files raise errors of every kind, even bare exceptions.
    except Exception as error:
        raise CheckpointError(f"{encoder}: transformers cannot load the tokenizer: {reason(error)}") from error
    stored = read_json(encoder / "config.json")
    check_tokenizer(tokenizer, stored.get("vocab_size") if isinstance(stored, dict) else None, place=str(encoder))
    return tokenizer


def check_tokenizer(tokenizer: PreTrainedTokenizerBase, embeddings: int | None, *, place: str) -> None:
    """Refuse a tokenizer without a vocabulary, which transformers makes of a folder without tokenizer files.

    Args:
        tokenizer: any tokenizer.
        embeddings: number of subwords that its encoder has embeddings for, if known.
        place: what the error message begins with.

    Raises:
        CheckpointError: also if the encoder has too few embeddings.
    """
    known = len(tokenizer)
    if known <= len(set(tokenizer.all_special_tokens)):
        raise CheckpointError(f"{place}: the tokenizer has no vocabulary; expected its files, such as tokenizer.json")
    if isinstance(embeddings, int) and known > embeddings:
        problem = f"the tokenizer has {known} subwords, but the encoder has embeddings for {embeddings}"
        raise CheckpointError(f"{place}: {problem}; use the tokenizer that the encoder was trained with")


def read_json(path: Path) -> Any:
    """Read a JSON file of a model folder.

    Raises:
        CheckpointError: if it is missing or not JSON.
    """
    try:
        return label_maps.read_json(path)
    except LabelError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise CheckpointError(f"{path}: no such file, expected one in every model folder") from error
        raise CheckpointError(str(error)) from error


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Yield an empty folder; what it holds at the end replaces the model in ``folder``, all or nothing.

    While files are replaced, ``atlop.json`` is missing, so that a model whose saving was killed is never loaded.

    Args:
        folder: the model folder; of what it holds, only the files of a model are replaced.

    Raises:
        CheckpointError: if the folder cannot be written; it is then as it was.
    """
    created, place = not os.path.lexists(folder), None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(f"{STAGING}*"):
            shutil.rmtree(leftover)
        place = Path(tempfile.mkdtemp(prefix=STAGING, dir=folder))
        (place / "new").mkdir()
        yield place / "new"
        _swap(place / "new", folder, place / "old")
    except OSError as error:
        raise CheckpointError(f"{folder}: the model cannot be saved: {reason(error)}") from error
    finally:
        if place is not None:
            shutil.rmtree(place, ignore_errors=True)
        if created:
            with suppress(OSError):
                folder.rmdir()


def write_settings(folder: Path, config: ModelConfig, labels: LabelMap, calibration: Calibration) -> None:
    """Write the settings, the label map and the calibration of a model folder."""
    _write_json(folder / LABELS, labels.to_json())
    _write_json(folder / CALIBRATION, calibration.to_json())
    _write_json(folder / SETTINGS, {"format": FORMAT, "model": dataclasses.asdict(config)})


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _swap(new: Path, folder: Path, old: Path) -> None:
    """Move the model in a folder out and a new one in; ``atlop.json`` goes first and comes last."""
    old.mkdir()
    present = {path.name for path in folder.iterdir()}
    moves = [(folder / name, old / name) for name in MODEL_FILES if name in present]
    moves += [(path, folder / path.name) for path in sorted(new.iterdir(), key=lambda path: path.name == SETTINGS)]
    try:
        for source, target in moves:
            source.rename(target)
    # An interruption too, which may come right after a move.
    except BaseException:
        for source, target in reversed(moves):
            if not os.path.lexists(source):
                target.rename(source)
        raise
