"""The interchangeable parts of the model, which a configuration chooses by name.

Built-in parts are registered by the modules that define them. Your own code registers others before a model that names
them is built or loaded. Configurations are checked without torch, so the built-in names are listed here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from atlop.errors import AtlopError, got

Part = TypeVar("Part", bound=Callable[..., Any])

_BUILT_IN: dict[str, tuple[str, ...]] = {
    "mention_pooling": ("logsumexp", "mean", "max", "logsumexp-typed"),
    "context": ("localized", "none"),
    "interaction": ("reverse",),
    "thresholding": ("adaptive", "adaptive-bce", "global", "weighted-softmax"),
    "heads": ("evidence", "mentions", "entities"),
}
_REGISTERED: dict[str, dict[str, Callable[..., Any]]] = {setting: {} for setting in _BUILT_IN}


@dataclass(frozen=True)
class Sizes:
    """What the constructor of every part is given; see :mod:`atlop.model` for the letters."""

    width: int
    """Width of the encoder, D."""
    columns: int
    """Relations and the threshold, R."""
    entity_types: int
    """Number of entity types that the label map knows. In ``Batch.entity_types`` they are 1, 2, ..., any other is 0."""
    positive_weight: float = 1.0
    """Weight of a true relation in a loss that has one."""


def register(setting: str, name: str) -> Callable[[Part], Part]:
    """Return a decorator that registers a part, replacing any of the same name.

    Args:
        setting: ``mention_pooling``, ``context``, ``interaction``, ``thresholding`` or ``heads``.
        name: the name to use in configurations.

    Raises:
        AtlopError: if there is no such setting.
    """
    if setting not in _REGISTERED:
        raise AtlopError(f"setting: got {got(setting)}, expected one of {', '.join(_REGISTERED)}")

    def add(part: Part) -> Part:
        _REGISTERED[setting][name] = part
        return part

    return add


def names(setting: str) -> tuple[str, ...]:
    """Return the names that a setting accepts."""
    return tuple(dict.fromkeys([*_BUILT_IN[setting], *_REGISTERED[setting]]))


def build(setting: str, name: str, sizes: Sizes) -> Any:
    """Build the part that a setting names."""
    return _REGISTERED[setting][name](sizes)
