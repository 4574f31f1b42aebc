from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.knowledge.neighbours import Neighbours

PAIRS = [("a", "b"), ("c", "b"), ("c", "d"), ("b", "d"), ("e", "e"), ("f", "g"), ("a", "b")]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("a", "d", ["a", "b", "d"]),
        ("d", "a", ["d", "b", "a"]),
        ("a", "a", ["a"]),
        ("e", "e", ["e"]),
        ("a", "e", []),
        ("a", "g", []),
        ("a", "z", []),
        ("0", "a", []),
    ],
)
def test_a_shortest_path(tmp_path: Path, start: str, end: str, expected: list[str]) -> None:
    Neighbours.of(PAIRS).write(tmp_path / "file")
    assert Neighbours.read(tmp_path / "file").path([start], [end]) == expected


@pytest.mark.parametrize(
    ("starts", "ends", "expected"),
    [
        (["a", "f"], ["d", "g"], ["f", "g"]),
        (["z", "a"], ["0", "d", "e"], ["a", "b", "d"]),
        (["a", "c"], ["c"], ["c"]),
        (["a"], [], []),
        ([], ["a"], []),
    ],
)
def test_the_shortest_of_several_paths(starts: list[str], ends: list[str], expected: list[str]) -> None:
    assert Neighbours.of(PAIRS).path(starts, ends) == expected


def test_nobody_has_neighbours(tmp_path: Path) -> None:
    Neighbours.of([]).write(tmp_path / "file")
    assert Neighbours.read(tmp_path / "file").path(["a"], ["b"]) == []


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), min_size=1))
def test_paths_are_as_long_as_those_of_networkx(pairs: list[tuple[str, str]]) -> None:
    graph, neighbours = networkx.Graph(pairs), Neighbours.of(pairs)
    edges = {*pairs, *((end, start) for start, end in pairs)}
    lengths = dict(networkx.all_pairs_shortest_path_length(graph))
    for start in graph:
        for end in graph:
            path = neighbours.path([start], [end])
            assert len(path) == lengths[start].get(end, -1) + 1
            assert set(pairwise(path)) <= edges
