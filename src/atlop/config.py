"""Settings of a model and of a training run; the defaults are the paper's.

Both configurations check every field when they are built and report all mistakes in one
:class:`~atlop.errors.ConfigError`. The paper's ablations are values of settings.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from atlop.errors import ConfigError, got
from atlop.settings import (
    FRACTION,
    LARGEST,
    NOT_NEGATIVE,
    PART_LIST,
    PATH,
    PATH_LIST,
    POSITIVE,
    STRING,
    TRACKER_LIST,
    Rule,
    check,
    integer,
    one_of,
    optional,
    part,
    setting,
)
from atlop.yaml_settings import read_yaml

Config = TypeVar("Config", "ModelConfig", "TrainingConfig")


@dataclass(frozen=True)
class ModelConfig:
    """The components and sizes of a relation model.

    Raises:
        ConfigError: listing every field that is wrong.
    """

    embedding_size: int = setting(integer(1, 2**16), 768)
    """Dimension of the head and tail representations."""
    block_size: int = setting(integer(1, 2**16), 64)
    """Group size of the grouped bilinear layer; if equal to ``embedding_size``, the layer is fully bilinear."""
    markers: str = setting(one_of("shared", "each", "none"), "shared")
    """Markers ``*`` around mentions: ``shared`` by mentions that start or end at the same word (as in the reference
    DocRED reader), for ``each`` distinct mention (the reference CDR and GDA reader), or ``none``."""
    mention_subwords: str = setting(one_of("start", "ends", "all"), "start")
    """The subwords that stand for a mention: its ``start``, which is the marker before it where there are markers, both
    ``ends``, or ``all``."""
    mention_pooling: str = setting(part("mention_pooling"), "logsumexp")
    """Pooling of the mentions of an entity into its embedding."""
    context: str = setting(part("context"), "localized")
    """Localized context pooling for each pair (paper, section 4.2), or no context."""
    interaction: str | None = setting(optional(part("interaction")), None)
    """How the scores of a pair depend on those of other pairs; null scores every pair by itself, as the paper does."""
    thresholding: str = setting(part("thresholding"), "adaptive")
    """Where the threshold comes from and what loss it is trained with: ``adaptive`` (paper, section 4.1), one that is
    the same for all pairs (``global``), or the same as ``adaptive`` with another loss."""
    positive_weight: float = setting(POSITIVE, 4.0)
    """Weight of a true relation against that of the threshold in the loss ``weighted-softmax``."""
    heads: tuple[str, ...] = setting(PART_LIST, ())
    """Optional outputs of the model beside the relations, by the names under which they are registered."""
    max_labels: int | None = setting(optional(integer(1)), 4)
    """Maximum number of relations predicted for a pair; null for no limit."""
    max_length: int | None = setting(optional(integer(8)), None)
    """Truncate documents to this many subwords, special ones included; null for no limit."""
    window: int | None = setting(optional(integer(8)), None)
    """Number of subwords that the encoder reads at once; null for the encoder's maximum."""
    window_overlap: int = setting(integer(-LARGEST), 128)
    """Minimum number of subwords shared by neighbouring windows. Imported reference models have -3: the reference
    implementation leaves a gap of up to three subwords between its two windows."""

    def __post_init__(self) -> None:
        check(self, {("embedding_size", "block_size"): _block_mistakes, ("markers", "heads"): _marker_mistakes})


READERS = ("mentions", "entities")
"""Heads that together find the entities of a document."""


def _block_mistakes(config: ModelConfig) -> list[str]:
    if config.embedding_size % config.block_size == 0:
        return []
    expected = f"a divisor of embedding_size, which is {config.embedding_size}"
    return [f"block_size: got {got(config.block_size)}, expected {expected}"]


def _marker_mistakes(config: ModelConfig) -> list[str]:
    told = [name for name in READERS if name in config.heads]
    if config.markers == "none" or not told:
        return []
    expected = f"none, as markers would tell the head {told[0]!r} what it is to find"
    return [f"markers: got {got(config.markers)}, expected {expected}"]


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that a training run depends on.

    Raises:
        ConfigError: listing every field that is wrong.
    """

    encoder: str = setting(STRING)
    """Pretrained encoder: a name on the Hugging Face Hub, or a folder."""
    init: str | None = setting(optional(STRING), None)
    """Trained model to start from, instead of a pretrained encoder and new relation layers: ``bundled``, a name on
    the Hugging Face Hub, or a folder. Its relations need not be those of the training documents."""
    train: Path = setting(PATH)
    """Training documents, in any format that atlop reads."""
    train_unlabelled: tuple[Path, ...] = setting(PATH_LIST, ())
    """Files with more documents, whose relations are not annotated, or not all. Their entities train the heads
    ``mentions`` and ``entities``, if the model has them, and with ``teachers`` their pairs train it too. Texts that are
    among the dev or the other training documents are left out."""
    teachers: tuple[Path, ...] = setting(PATH_LIST, ())
    """Folders of trained models, whose mean probabilities become the labels of ``train_unlabelled``, and whose evidence
    becomes theirs; relations that are annotated there stay true."""
    dev: Path | None = setting(optional(PATH), None)
    """Documents on which the model is tuned after each epoch; the best F1 after tuning selects the epoch. Without them
    the last epoch is kept, as it was trained."""
    dev_pubtator: Path | None = setting(optional(PATH), None)
    """The dev documents in PubTator format, to also score against every gold fact instead of the listed candidates."""
    labels: Path | None = setting(optional(PATH), None)
    """Columns of the relations, as in ``rel2id.json``; null takes the relations of the training documents."""
    label_names: Path | None = setting(optional(PATH), None)
    """Display names of the relations, as in ``rel_info.json``."""
    model: ModelConfig = setting(Rule("a ModelConfig", lambda value: isinstance(value, ModelConfig)), ModelConfig())
    """Components and sizes of the model."""
    epochs: int = setting(integer(1), 30)
    """Number of passes over the training documents."""
    batch_size: int = setting(integer(1), 4)
    """Documents per step on each device."""
    gradient_accumulation: int = setting(integer(1), 1)
    """Steps whose gradients are accumulated for one update."""
    encoder_learning_rate: float = setting(POSITIVE, 5e-5)
    """Peak learning rate of the encoder."""
    head_learning_rate: float = setting(POSITIVE, 1e-4)
    """Peak learning rate of the layers above the encoder."""
    warmup: float = setting(FRACTION, 0.06)
    """Fraction of the updates over which the learning rates rise from 0; they then decay linearly to 0."""
    weight_decay: float = setting(NOT_NEGATIVE, 0.0)
    """Weight decay of AdamW."""
    adam_epsilon: float = setting(POSITIVE, 1e-6)
    """Epsilon of AdamW."""
    max_gradient_norm: float = setting(POSITIVE, 1.0)
    """Norm to which gradients are clipped."""
    precision: str = setting(one_of("auto", "fp32", "bf16", "fp16"), "auto")
    """Mixed precision; ``auto`` is bf16 where the device supports it, else fp32. Weights and optimizer state are always
    fp32."""
    seed: int = setting(integer(0, 2**32 - 1), 66)
    """Seed of the initial weights, dropout and the order of the documents."""
    save_every: int | None = setting(optional(integer(1)), None)
    """Updates between saved states; null saves one at the end of each epoch."""
    report_to: tuple[str, ...] = setting(TRACKER_LIST, ())
    """Trackers that receive the losses and scores."""

    def __post_init__(self) -> None:
        check(self, {("dev_pubtator", "dev"): _dev_mistakes, ("teachers", "train_unlabelled"): _teacher_mistakes})


def _dev_mistakes(config: TrainingConfig) -> list[str]:
    if config.dev or not config.dev_pubtator:
        return []
    return ["dev_pubtator: given without dev, expected both; dev selects the best epoch"]


def _teacher_mistakes(config: TrainingConfig) -> list[str]:
    if config.train_unlabelled or not config.teachers:
        return []
    return ["teachers: given without train_unlabelled, expected both; teachers label its documents"]


def load_training_config(
    path: Path, overrides: Mapping[str, Any] | None = None, *, inherit: Callable[[str], ModelConfig] | None = None
) -> TrainingConfig:
    """Read a YAML file; its paths are relative to its folder, those in ``overrides`` to the working directory.

    An encoder that is an absolute path, begins with ``.`` or ``~``, or is a folder beside the file, is a path like the
    others; any other is taken as a name on the Hub. The same holds for ``init``.

    Args:
        path: the file.
        overrides: settings that replace the file's, by name; ``model.block_size`` replaces one of ``model``.
        inherit: returns the settings of the ``init`` model, as :func:`atlop.folder.initial_config` does, which replace
            the defaults of settings that are given nowhere.

    Raises:
        ConfigError: listing every mistake in the file and the overrides.
    """
    settings = read_yaml(path)
    for entry in dataclasses.fields(TrainingConfig):
        is_path = "Path" in str(entry.type)
        if entry.name in settings and (is_path or entry.name in ("encoder", "init")):
            settings[entry.name] = _resolve(settings[entry.name], path.parent, is_path=is_path)
    settings = _override(settings, overrides or {})
    init = settings.get("init")
    base = inherit(init) if inherit and isinstance(init, str) else None
    return _build_training(settings, source=str(path), base=base)


def _resolve(value: Any, folder: Path, *, is_path: bool) -> Any:
    """Return the absolute path of a value relative to a folder; names on the Hub and other values are unchanged."""
    if isinstance(value, list):
        return [_resolve(part, folder, is_path=is_path) for part in value]
    if not isinstance(value, str) or "\0" in value:
        return value
    # Unlike the methods of Path, these functions do not raise on a symlink loop or an overlong name.
    place = os.path.realpath(folder / os.path.expanduser(value))  # noqa: PTH111
    is_path = is_path or value.startswith((".", "~")) or os.path.isabs(value) or os.path.isdir(place)  # noqa: PTH112, PTH117
    return place if is_path else value


def _override(settings: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**settings}
    for key, value in overrides.items():
        section, _, name = key.partition(".")
        inner = merged.get(section) or {}
        if name and isinstance(inner, dict):
            merged[section] = {**inner, name: value}
        else:
            merged[key] = value
    return merged


def _build_training(settings: dict[str, Any], source: str, base: ModelConfig | None) -> TrainingConfig:
    """Build both configurations, so that mistakes in one do not hide those in the other."""
    mistakes: list[str] = []
    model = _collect_model(settings.pop("model", None), mistakes, base)
    config = _collect(TrainingConfig, {**settings, "model": model}, mistakes, prefix="")
    if mistakes or config is None:
        raise ConfigError(mistakes, source=source)
    return config


def build_model_config(settings: Any, *, source: str) -> ModelConfig:
    """Build the configuration of a model from the settings that were read from ``source``.

    Raises:
        ConfigError: listing every mistake.
    """
    mistakes: list[str] = []
    model = _collect_model(settings, mistakes)
    if mistakes:
        raise ConfigError(mistakes, source=source)
    return model


def _collect_model(section: Any, mistakes: list[str], base: ModelConfig | None = None) -> ModelConfig:
    if section is None or isinstance(section, dict):
        inherited = {} if base is None else dataclasses.asdict(base)
        return _collect(ModelConfig, inherited | (section or {}), mistakes, prefix="model.") or ModelConfig()
    mistakes.append(f"model: got {got(section)}, expected settings of the model, one 'name: value' per line")
    return ModelConfig()


def _collect(kind: type[Config], settings: dict[str, Any], mistakes: list[str], prefix: str) -> Config | None:
    """Build one configuration and add what is wrong to ``mistakes``; return ``None`` if it cannot be built."""
    fields = {entry.name: entry for entry in dataclasses.fields(kind)}
    mistakes += [prefix + _unknown(name, list(fields)) for name in settings if name not in fields]
    missing = [name for name, e in fields.items() if e.default is dataclasses.MISSING and name not in settings]
    mistakes += [f"{prefix}{name}: missing, expected {fields[name].metadata['rule'].expected}" for name in missing]
    known = {name: value for name, value in settings.items() if name in fields}
    # Placeholders for missing settings, so that the others are still checked.
    placeholders: dict[str, Any] = {name: "missing" for name in missing}
    try:
        return kind(**known, **placeholders)
    except ConfigError as error:
        mistakes += [f"{prefix}{mistake}" for mistake in error.mistakes]
        return None


def _unknown(name: object, known: list[str]) -> str:
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"{name}: no such setting" + (f"; did you mean {close[0]}?" if close else "")
