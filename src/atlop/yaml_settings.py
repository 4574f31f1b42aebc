"""YAML files of settings, and settings given as ``key=value``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from atlop.errors import ConfigError, got, reason


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of settings.

    Raises:
        ConfigError: if it cannot be read, or is not a mapping.
    """
    try:
        settings = _parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError([f"cannot be read: {reason(error)}"], source=str(path)) from error
    if not isinstance(settings, dict):
        raise ConfigError([f"got {got(settings)}, expected settings, one 'name: value' per line"], source=str(path))
    return settings


def _parse_yaml(text: str) -> Any:
    """Parse YAML; whatever the parser raises becomes a ValueError."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(str(error)) from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    # The constructors of tags raise errors of every kind.
    except Exception as error:
        raise ValueError("a value does not fit its tag, such as !!int") from error


def parse_overrides(assignments: list[str]) -> dict[str, Any]:
    """Parse ``key=value`` strings, the value as YAML.

    Raises:
        ConfigError: listing every string that is not an assignment.
    """
    values, mistakes = {}, []
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        try:
            values[key.strip()] = _parse_yaml(value)
        except ValueError:
            mistakes.append(f"got {got(assignment)}, expected a value that YAML reads")
        if not key.strip() or not equals:
            mistakes.append(f"got {got(assignment)}, expected key=value")
    if mistakes:
        raise ConfigError(mistakes, source="--set")
    return values
