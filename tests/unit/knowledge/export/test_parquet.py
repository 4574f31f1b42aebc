"""Parquet, read by pyarrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pyarrow import parquet

from atlop.documents import Document
from atlop.knowledge import write


def test_pyarrow_reads_the_statements(two_documents: list[Document], tmp_path: Path) -> None:
    write(two_documents, tmp_path / "file", "parquet")
    rows = parquet.read_table(tmp_path / "file").to_pylist()
    assert [
        (row["head_label"], row["relation"], row["tail_label"], row["document"], row["confidence"]) for row in rows
    ] == [
        ("Ada Lovelace", "P27", "United Kingdom", "Ada", 0.75),
        ("London", "P17", "United Kingdom", "Ada", 0.5),
        ("Ada Lovelace", "P27", "United Kingdom", "Engine", None),
        ("Ada Lovelace", "wrote about", "Analytical Engine", "Engine", 0.875),
    ]
    assert rows[0]["is_evidence"]
    assert rows[0]["sentences"] == [
        {"sentence": 0, "text": "Ada Lovelace here .", "start": 0, "end": 19},
        {"sentence": 2, "text": "United Kingdom here .", "start": 36, "end": 57},
    ]
    assert rows[0]["head_mentions"][1] == {"sentence": 1, "text": "Lovelace", "start": 20, "end": 28}
    assert rows[2]["tail_mentions"] == [{"sentence": 1, "text": "the United Kingdom", "start": None, "end": None}]


def test_hostile_names_pass(hostile: str, make_hostile: Callable[[str], Document], tmp_path: Path) -> None:
    document = make_hostile(hostile)
    write([document], tmp_path / "file", "parquet")
    (row,) = parquet.read_table(tmp_path / "file").to_pylist()
    assert (row["relation"], row["name"], row["document"], row["head_identifier"]) == (hostile,) * 4
    assert (row["head_label"], row["tail_mentions"][0]["text"]) == (f"{hostile}1", f"{hostile}2")
    assert (row["head_type"], row["sentences"][0]["text"]) == (f"T {hostile}", document.text)
