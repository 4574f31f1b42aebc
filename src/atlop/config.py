"""What a model is made of and how it is trained, with the paper's values as defaults.

Both configurations check every field when built and tell all mistakes at once in one
:class:`~atlop.errors.ConfigError`. Names of papers' ablations are the names of the parts to choose from.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from atlop.errors import ConfigError, got, reason
from atlop.parts import names

Config = TypeVar("Config", "ModelConfig", "TrainingConfig")


@dataclass(frozen=True)
class Rule:
    """What a setting accepts."""

    expected: str
    """The end of the sentence "expected ..." in the message."""
    accepts: Callable[[Any], bool]
    """Whether a value is of the right type and in range."""
    convert: Callable[[Any], Any] = lambda value: value
    """Brings a value as YAML reads it to its type; YAML reads ``5e-5`` as a text."""


def _number(value: Any) -> Any:
    try:
        return float(value) if type(value) in (int, str) else value
    except (ValueError, OverflowError):
        return value


def _is_number(value: Any) -> bool:
    return type(value) is float and math.isfinite(value)


def _path(value: Any) -> Any:
    return Path(value) if isinstance(value, str) and value else value


def _whole(least: int) -> Rule:
    return Rule(f"a whole number of at least {least}", lambda value: type(value) is int and value >= least)


def _optional(rule: Rule) -> Rule:
    return Rule(f"{rule.expected}, or null", lambda value: value is None or rule.accepts(value), rule.convert)


def _one_of(*names: str) -> Rule:
    return Rule(f"one of {', '.join(names)}", lambda value: isinstance(value, str) and value in names)


_POSITIVE = Rule("a number above 0", lambda value: _is_number(value) and value > 0, _number)
_NOT_NEGATIVE = Rule("a number of at least 0", lambda value: _is_number(value) and value >= 0, _number)
_ANY_NUMBER = Rule("a number", _is_number, _number)
_SHARE = Rule("a number from 0 to below 1", lambda value: _is_number(value) and 0 <= value < 1, _number)
_TEXT = Rule("a text", lambda value: isinstance(value, str) and bool(value))
_PATH = Rule("the path of a file", lambda value: isinstance(value, Path), _path)
_WHOLE_NUMBER = Rule("a whole number", lambda value: type(value) is int)
_TEXTS = Rule(
    "a list of texts",
    lambda value: isinstance(value, tuple) and all(isinstance(item, str) for item in value),
    lambda value: tuple(value) if isinstance(value, list) else value,
)


_HEADS = Rule(
    "a list of registered heads, each once",
    lambda value: isinstance(value, tuple) and len(set(value)) == len(value) and set(value) <= set(names("heads")),
    lambda value: tuple(value) if isinstance(value, list) else value,
)


def _part(setting: str) -> Rule:
    """Accept the registered parts, which may have become more since this module was imported."""
    return Rule(f"a registered {setting}", lambda value: isinstance(value, str) and value in names(setting))


def _setting(rule: Rule, default: Any = dataclasses.MISSING) -> Any:
    return field(default=default, metadata={"rule": rule}, kw_only=True)


def _check(config: Any, extra: Callable[[Any], list[str]]) -> None:
    """Convert every field and refuse the configuration with all that is wrong in it."""
    mistakes = []
    for entry in dataclasses.fields(config):
        rule = entry.metadata["rule"]
        object.__setattr__(config, entry.name, value := rule.convert(getattr(config, entry.name)))
        if not rule.accepts(value):
            mistakes.append(f"{entry.name}: got {got(value)}, expected {rule.expected}")
    mistakes += extra(config) if not mistakes else []
    if mistakes:
        raise ConfigError(mistakes, source=type(config).__name__)


@dataclass(frozen=True)
class ModelConfig:
    """The parts and sizes of a relation model.

    Raises:
        ConfigError: with every field that is wrong.
    """

    embedding_size: int = _setting(_whole(1), 768)
    """Width of the head and the tail representation."""
    block_size: int = _setting(_whole(1), 64)
    """Width of one group of the grouped bilinear layer; equal to ``embedding_size``, it is a full bilinear layer."""
    markers: str = _setting(_one_of("shared", "each", "none"), "shared")
    """``*`` around mentions: one for all mentions that start or end at a word (the published DocRED reader), one for
    each distinct mention (the published CDR and GDA reader), or none."""
    mention_pooling: str = _setting(_part("mention_pooling"), "logsumexp")
    """How the mentions of an entity become its embedding."""
    context: str = _setting(_part("context"), "localized")
    """Whether a pair is given its localized context (paper section 4.2) or only its two entities."""
    thresholding: str = _setting(_part("thresholding"), "adaptive")
    """A threshold learned for each pair (paper section 4.1), or the same for all pairs."""
    heads: tuple[str, ...] = _setting(_HEADS, ())
    """Optional outputs of the model beside the relations, by the names under which they are registered."""
    max_labels: int | None = _setting(_optional(_whole(1)), 4)
    """The most relations that one pair can be given; null for no limit."""
    max_length: int | None = _setting(_optional(_whole(8)), None)
    """Cut documents to this many subwords, the special ones included; null reads documents of any length."""
    window: int | None = _setting(_optional(_whole(8)), None)
    """Subwords that the encoder reads at once; null takes what the encoder was made for."""
    window_overlap: int = _setting(_WHOLE_NUMBER, 128)
    """The fewest subwords that two neighbouring windows share. Imported models have -3: the published code leaves up to
    three subwords between its two windows."""
    threshold_offset: float = _setting(_ANY_NUMBER, 0.0)
    """Added to every relation's margin over the threshold before decision and confidence."""
    temperature: float = _setting(_POSITIVE, 1.0)
    """Divides that margin before it becomes a confidence."""

    def __post_init__(self) -> None:
        _check(self, _model_mistakes)


def _model_mistakes(config: ModelConfig) -> list[str]:
    if config.embedding_size % config.block_size:
        expected = f"a divisor of embedding_size, which is {config.embedding_size}"
        return [f"block_size: got {got(config.block_size)}, expected {expected}"]
    return []


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that a training run depends on.

    Raises:
        ConfigError: with every field that is wrong.
    """

    encoder: str = _setting(_TEXT)
    """Name on the Hugging Face hub, or folder, of the pretrained encoder."""
    train: Path = _setting(_PATH)
    """Training documents, in any form that atlop reads."""
    dev: Path | None = _setting(_optional(_PATH), None)
    """Documents by whose F1 the best epoch is chosen; without them the last epoch is kept."""
    dev_pubtator: Path | None = _setting(_optional(_PATH), None)
    """The dev documents in PubTator form, to count every gold fact and not only those among listed candidates."""
    labels: Path | None = _setting(_optional(_PATH), None)
    """The columns of the relations, as ``rel2id.json``; null takes the relations of the training documents."""
    label_names: Path | None = _setting(_optional(_PATH), None)
    """Names of the relations for people, as ``rel_info.json``."""
    model: ModelConfig = _setting(Rule("a ModelConfig", lambda value: isinstance(value, ModelConfig)), ModelConfig())
    """The parts and sizes of the model."""
    epochs: int = _setting(_whole(1), 30)
    """Passes over the training documents."""
    batch_size: int = _setting(_whole(1), 4)
    """Documents a step on one device."""
    gradient_accumulation: int = _setting(_whole(1), 1)
    """Steps whose gradients make one update."""
    encoder_learning_rate: float = _setting(_POSITIVE, 5e-5)
    """Peak learning rate of the encoder."""
    head_learning_rate: float = _setting(_POSITIVE, 1e-4)
    """Peak learning rate of the layers above the encoder."""
    warmup: float = _setting(_SHARE, 0.06)
    """Share of the updates over which the learning rates rise from 0; they fall to 0 over the rest."""
    weight_decay: float = _setting(_NOT_NEGATIVE, 0.0)
    """Weight decay of AdamW."""
    adam_epsilon: float = _setting(_POSITIVE, 1e-6)
    """Epsilon of AdamW."""
    max_gradient_norm: float = _setting(_POSITIVE, 1.0)
    """Gradients are scaled down to this norm."""
    precision: str = _setting(_one_of("fp32", "bf16", "fp16"), "fp32")
    """Number format of the multiplications; weights and optimiser stay in fp32."""
    seed: int = _setting(_whole(0), 66)
    """Seed of weights, dropout and the order of documents."""
    save_every: int | None = _setting(_optional(_whole(1)), None)
    """Updates between two states to resume from; null saves one at the end of each epoch."""
    report_to: tuple[str, ...] = _setting(_TEXTS, ())
    """Trackers that are sent the losses and scores, such as tensorboard or wandb."""

    def __post_init__(self) -> None:
        _check(self, lambda _: [])


def load_training_config(path: Path, overrides: Mapping[str, Any] | None = None) -> TrainingConfig:
    """Read a YAML file; paths in it count from the folder of the file, paths in ``overrides`` from the current one.

    Args:
        path: the file.
        overrides: settings that replace the file's, by name; ``model.block_size`` reaches into ``model``.

    Raises:
        ConfigError: with every mistake of the file and the overrides.
    """
    settings = _read_yaml(path)
    for entry in dataclasses.fields(TrainingConfig):
        if isinstance(settings.get(entry.name), str) and "Path" in str(entry.type):
            settings[entry.name] = str((path.parent / settings[entry.name]).resolve())
    return _build_training(_override(settings, overrides or {}), source=str(path))


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError([f"cannot be read: {reason(error)}"], source=str(path)) from error
    if not isinstance(settings, dict):
        raise ConfigError([f"got {got(settings)}, expected settings, one 'name: value' a line"], source=str(path))
    return settings


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


def _build_training(settings: dict[str, Any], source: str) -> TrainingConfig:
    """Build both configurations, so that the mistakes of one do not hide those of the other."""
    mistakes: list[str] = []
    model = _collect_model(settings.pop("model", None), mistakes)
    config = _collect(TrainingConfig, {**settings, "model": model}, mistakes, prefix="")
    if mistakes or config is None:
        raise ConfigError(mistakes, source=source)
    return config


def build_model_config(settings: Any, *, source: str) -> ModelConfig:
    """Build the configuration of a model from what a file, the source, holds.

    Raises:
        ConfigError: with every mistake.
    """
    mistakes: list[str] = []
    model = _collect_model(settings, mistakes)
    if mistakes:
        raise ConfigError(mistakes, source=source)
    return model


def _collect_model(section: Any, mistakes: list[str]) -> ModelConfig:
    if section is None or isinstance(section, dict):
        return _collect(ModelConfig, section or {}, mistakes, prefix="model.") or ModelConfig()
    mistakes.append(f"model: got {got(section)}, expected settings of the model, one 'name: value' a line")
    return ModelConfig()


def _collect(kind: type[Config], settings: dict[str, Any], mistakes: list[str], prefix: str) -> Config | None:
    """Build one configuration, adding what is wrong to ``mistakes``; ``None`` if it cannot be built."""
    fields = {entry.name: entry for entry in dataclasses.fields(kind)}
    mistakes += [prefix + _unknown(name, list(fields)) for name in settings if name not in fields]
    missing = [name for name, e in fields.items() if e.default is dataclasses.MISSING and name not in settings]
    mistakes += [f"{prefix}{name}: missing, expected {fields[name].metadata['rule'].expected}" for name in missing]
    known = {name: value for name, value in settings.items() if name in fields}
    # A missing setting stands in with a value that fits anything, so that the others are checked all the same.
    stand_ins: dict[str, Any] = {name: "missing" for name in missing}
    try:
        return kind(**known, **stand_ins)
    except ConfigError as error:
        mistakes += [f"{prefix}{mistake}" for mistake in error.mistakes]
        return None


def _unknown(name: object, known: list[str]) -> str:
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"{name}: no such setting" + (f"; did you mean {close[0]}?" if close else "")


def parse_overrides(assignments: list[str]) -> dict[str, Any]:
    """Read ``key=value`` texts, the value as YAML reads it.

    Raises:
        ConfigError: with every text that is no assignment.
    """
    values, mistakes = {}, []
    for text in assignments:
        key, equals, value = text.partition("=")
        try:
            values[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError:
            mistakes.append(f"got {got(text)}, expected a value that YAML reads")
        if not key.strip() or not equals:
            mistakes.append(f"got {got(text)}, expected key=value")
    if mistakes:
        raise ConfigError(mistakes, source="--set")
    return values
