"""The largest one-to-one matching between two sides, by augmenting paths."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Left = TypeVar("Left", bound=Hashable)
Right = TypeVar("Right", bound=Hashable)


def largest_matching(options: Mapping[Left, Sequence[Right]]) -> dict[Right, Left]:
    """Match as many elements of both sides as possible, each with at most one of the other side.

    Args:
        options: for each element of the left side, those of the right side that it may be matched with.

    Returns:
        The matched element of the left side for each matched element of the right side.
    """
    matched: dict[Right, Left] = {}
    for left in options:
        matched.update(_path(left, options, matched))
    return matched


def _path(left: Left, options: Mapping[Left, Sequence[Right]], matched: Mapping[Right, Left]) -> dict[Right, Left]:
    """Return the changes that match one more element; none if there is no way to match it."""
    wanted_by: dict[Right, Left] = {}
    given_up: dict[Left, Right] = {}
    waiting = deque([left])
    while waiting:
        asking = waiting.popleft()
        for right in options[asking]:
            if right in wanted_by:
                continue
            wanted_by[right] = asking
            if right not in matched:
                return _changes(right, wanted_by, given_up)
            given_up[matched[right]] = right
            waiting.append(matched[right])
    return {}


def _changes(free: Right, wanted_by: Mapping[Right, Left], given_up: Mapping[Left, Right]) -> dict[Right, Left]:
    """Give each element on the path to a free one what it wants, from the end of the path to its beginning."""
    changes: dict[Right, Left] = {}
    right: Right | None = free
    while right is not None:
        changes[right] = wanted_by[right]
        right = given_up.get(wanted_by[right])
    return changes
