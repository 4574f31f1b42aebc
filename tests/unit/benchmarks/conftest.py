"""Kept results as the benchmarks write them, with figures that are easy to reckon with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmarks.report import keep

MACHINE = {"processor": "Chip", "cores": 2, "threads": 1, "torch": "2.13.0"}
SPEED = {"textbook_seconds_per_document": 0.4, "shape": "minilm", "gemm_gflops": {"fp32": 89.0, "bf16": 200.0}}
PREDICT = {**SPEED, "floor_seconds_per_document": 0.05, "documents": 64, "pairs": 2000, "decisions_changed": 3}
RESULTS: dict[str, list[dict[str, Any]]] = {
    "predict": [
        {**PREDICT, "precision": "fp32", "seconds_per_document": 9.0, "ratio": 9.0, "floor_share": 0.9},
        {**PREDICT, "precision": "auto", "seconds_per_document": 0.05, "ratio": 8.0, "floor_share": 1.0},
        {**PREDICT, "precision": "fp32", "seconds_per_document": 0.1, "ratio": 4.0, "floor_share": 0.5},
    ],
    "train": [
        {
            **SPEED,
            "precision": "fp32",
            "seconds_per_document": 0.1,
            "ratio": 4.0,
            "loss_difference": 3e-6,
            "updates": 50,
        },
        {
            **SPEED,
            "precision": "bf16",
            "seconds_per_document": 0.1,
            "ratio": 4.0,
            "loss_difference": None,
            "updates": 0,
        },
    ],
    "precision": [
        {
            "precision": ["fp32", "bf16", "int8"],
            "precisions": {
                "fp32": {"f1": 0.615},
                "bf16": {"f1": 0.614, "pairs": 2000, "largest_logit_difference": 0.25, "decisions_changed": 30},
            },
            "left_out": {"int8": "not here"},
        }
    ],
    "tried": [
        {
            "trials": [
                {"name": "half of the work", "predicted": "2", "gain": 1.875, "kept": "yes"},
                {"name": "nothing new", "predicted": "1.5", "gain": 0.96, "kept": "no: slower"},
            ],
            "runs": 15,
        }
    ],
    "pruning": [
        {
            "precision": "fp32",
            "pairs_skipped": 0.125,
            "ratio": 1.1,
            "f1": 0.615,
            "f1_pruned": 0.616,
            "right_relations_lost": 2,
            "wrong_relations_lost": 3,
        }
    ],
    "entities": [
        {
            "counts": [10, 20],
            "precision": "fp32",
            "pairs": {"10": 90, "20": 380},
            "peak_mb": {"10": 700.0, "20": 1234.5},
            "seconds": {"10": 0.5, "20": 2.0},
            "seconds_per_million_pairs": {"10": 50.0, "20": 51.25},
            "text_seconds": 0.25,
        }
    ],
    "length": [
        {
            "counts": [512, 2048],
            "precision": "fp32",
            "peak_mb": {"512": 700.0, "2048": 800.0},
            "seconds": {"512": 0.25, "2048": 1.0},
            "seconds_per_thousand_words": {"512": 0.48828125, "2048": 0.48828125},
        }
    ],
    "corpus": [
        {
            "documents": 10000,
            "precision": "auto",
            "documents_per_second": 12.5,
            "seconds": 800.0,
            "first_quarter_mb": 700.0,
            "last_quarter_mb": 701.0,
            "peak_mb": 800.0,
            "sample_seconds": [0.0, 60.0],
            "sample_mb": [0.0, 700.0],
        }
    ],
    "startup": [
        {
            "precision": "auto",
            "help_seconds": 0.125,
            "predict_seconds": 2.5,
            "steps": {"torch": 1.0, "transformers": 1.25},
        }
    ],
    "gpu": [
        {
            "shapes": ["bert-base"],
            "textbook_documents_per_second": {"bert-base": 100.0},
            "documents_per_second": {"bert-base": 400.0},
            "ratio": {"bert-base": 4.0},
            "rate_share": {"bert-base": 0.25},
            "gemm_gflops": {"bert-base": {"fp32": 50e3, "bf16": 700e3}},
        }
    ],
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder of results of every benchmark; the first of predicting was measured again."""
    for benchmark, entries in RESULTS.items():
        for number, entry in enumerate(entries):
            command = f"python -m benchmarks.{benchmark} --number {number}"
            origin = {"benchmark": benchmark, "command": command, "date": "2026-11-22", "machine": MACHINE}
            keep(benchmark, {"largest_logit_difference": 2e-5, **entry, **origin}, tmp_path)
    return tmp_path
