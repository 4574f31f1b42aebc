"""What a setting of a configuration accepts, and the check of a whole configuration against its rules."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

from atlop.errors import ConfigError, got
from atlop.parts import names

TRACKERS = ("tensorboard", "wandb")
"""Trackers that a run can report to; each is an extra of atlop and the name of its package."""

LARGEST = 2**31 - 1
"""Upper bound of integer settings without one of their own."""


@dataclass(frozen=True)
class Rule:
    """The values that a setting accepts."""

    expected: str
    """Completes "expected ..." in the error message."""
    accepts: Callable[[Any], bool]
    """Whether a value has the right type and is in range."""
    convert: Callable[[Any], Any] = lambda value: value
    """Converts a value from YAML to the type of the setting; YAML reads ``5e-5`` as a string."""


def _number(value: Any) -> Any:
    try:
        return float(value) if type(value) in (int, str) else value
    except (ValueError, OverflowError):
        return value


def _is_number(value: Any) -> bool:
    return type(value) is float and math.isfinite(value)


def _path(value: Any) -> Any:
    return Path(value) if isinstance(value, str) and value and "\0" not in value else value


def _is_path_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(_path(path), Path) for path in value)


def _is_tracker_list(value: Any) -> bool:
    return isinstance(value, tuple) and all(name in TRACKERS and find_spec(name) for name in value)


def integer(least: int, most: int = LARGEST) -> Rule:
    """Return the rule of an integer in a range."""
    return Rule(f"an integer from {least} to {most}", lambda value: type(value) is int and least <= value <= most)


def optional(rule: Rule) -> Rule:
    """Return a rule that also accepts null."""
    return Rule(f"{rule.expected}, or null", lambda value: value is None or rule.accepts(value), rule.convert)


def one_of(*choices: str) -> Rule:
    """Return the rule of a choice between names."""
    return Rule(f"one of {', '.join(choices)}", lambda value: isinstance(value, str) and value in choices)


POSITIVE = Rule("a number above 0", lambda value: _is_number(value) and value > 0, _number)
NOT_NEGATIVE = Rule("a number of at least 0", lambda value: _is_number(value) and value >= 0, _number)
FRACTION = Rule("a number from 0 to below 1", lambda value: _is_number(value) and 0 <= value < 1, _number)
STRING = Rule("a string", lambda value: isinstance(value, str) and bool(value) and "\0" not in value)
PATH = Rule("the path of a file", lambda value: isinstance(value, Path) and "\0" not in str(value), _path)
PATH_LIST = Rule(
    "a list of paths",
    lambda value: isinstance(value, tuple) and all(map(PATH.accepts, value)),
    lambda value: tuple(map(_path, value)) if _is_path_list(value) else value,
)
TRACKER_LIST = Rule(
    f"a list of installed trackers ({', '.join(f'{name}: atlop[{name}]' for name in TRACKERS)})",
    _is_tracker_list,
    lambda value: tuple(value) if isinstance(value, list) else value,
)


def part(kind: str) -> Rule:
    """Return the rule of the name of a model part; parts may be registered after this module is imported."""
    expected = f"one of {', '.join(names(kind))}, or another part that is registered as {kind}"
    return Rule(expected, lambda value: isinstance(value, str) and value in names(kind))


PART_LIST = Rule(
    "a list of parts that are registered as heads, each once",
    lambda value: isinstance(value, tuple) and all(name in names("heads") and value.count(name) == 1 for name in value),
    lambda value: tuple(value) if isinstance(value, list) and all(isinstance(name, str) for name in value) else value,
)


def setting(rule: Rule, default: Any = dataclasses.MISSING) -> Any:
    """Return a field of a configuration, which is required unless it has a default."""
    return field(default=default, metadata={"rule": rule}, kw_only=True)


def check(config: Any, together: Mapping[tuple[str, ...], Callable[[Any], list[str]]]) -> None:
    """Convert every field of a configuration and check it.

    Args:
        config: a configuration that is being built.
        together: what else to check once certain fields are right; each function returns the mistakes.

    Raises:
        ConfigError: listing every mistake.
    """
    wrong = {}
    for entry in dataclasses.fields(config):
        rule = entry.metadata["rule"]
        object.__setattr__(config, entry.name, value := rule.convert(getattr(config, entry.name)))
        if not rule.accepts(value):
            wrong[entry.name] = f"{entry.name}: got {got(value)}, expected {rule.expected}"
    found = [find(config) for names, find in together.items() if wrong.keys().isdisjoint(names)]
    if mistakes := [*wrong.values(), *chain.from_iterable(found)]:
        raise ConfigError(mistakes, source=type(config).__name__)
