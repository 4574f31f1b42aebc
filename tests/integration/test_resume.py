"""A run that was killed and resumed ends with the weights, bit by bit, of one that was not.

At real sizes, on a CPU with two threads, with dropout: this is where sums in another order would show.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from atlop.documents import Document, Entity, Mention, Relation
from atlop.formats import write

ENTITIES = 40
WORDS = ("Ada", "Love", "wrote", "to", "the", ".")
STATE_FILES = ("model.safetensors", "optimizer.pt", "rng_state.pth", "scheduler.pt", "trainer_state.json")
PATIENCE = 120
"""Seconds after which a run that writes no state has failed."""


def generated(index: int) -> Document:
    """A document with 40 entities of two mentions each, so 1,560 pairs, and some facts."""
    random_source = random.Random(index)
    sentences = tuple(tuple(random_source.choices(WORDS, k=20)) for _ in range(5))
    places = [random_source.sample([(s, w) for s in range(5) for w in range(20)], 2) for _ in range(ENTITIES)]
    entities = tuple(
        Entity(tuple(Mention(s, w, w + 1, "PER", sentences[s][w]) for s, w in mentions)) for mentions in places
    )
    pairs = random_source.sample([(a, b) for a in range(ENTITIES) for b in range(ENTITIES) if a != b], 30)
    relations = tuple(Relation(head, tail, f"P{number % 5}") for number, (head, tail) in enumerate(pairs))
    return Document(f"Document {index}", sentences, entities, relations)


@pytest.fixture
def command(make_encoder: Callable[..., Path], tmp_path: Path) -> list[str]:
    """The command of a run of 3 epochs with 3 updates each, which leaves a state after each second update."""
    encoder = make_encoder(
        hidden_size=384,
        num_attention_heads=12,
        num_hidden_layers=2,
        intermediate_size=1536,
        max_position_embeddings=512,
    )
    write([generated(index) for index in range(3)], tmp_path / "train.jsonl")
    write([generated(3)], tmp_path / "dev.jsonl")
    settings = {"encoder": str(encoder), "train": "train.jsonl", "dev": "dev.jsonl"}
    settings |= {"epochs": 3, "batch_size": 1, "save_every": 2}
    settings |= {"model": {"embedding_size": 384, "block_size": 32}, "encoder_learning_rate": 1e-3}
    (tmp_path / "run.yaml").write_text(json.dumps(settings))
    return [sys.executable, "-m", "atlop", "train", str(tmp_path / "run.yaml"), "--device", "cpu", "--output"]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive", "HF_HUB_OFFLINE": "1"}


def finish(command: Sequence[str]) -> None:
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def is_whole(state: Path) -> bool:
    try:
        json.loads((state / "trainer_state.json").read_text())
    except (OSError, ValueError):
        return False
    return all((state / name).exists() for name in STATE_FILES)


def kill_after(state: Path, command: Sequence[str]) -> None:
    """Start a run and kill it as soon as it left a state."""
    with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + PATIENCE
        while not is_whole(state):
            assert process.poll() is None, "the run ended before it left the state"
            assert time.monotonic() < deadline, "the run leaves no state"
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the run ended before it was killed"


def test_a_run_killed_in_the_middle_of_two_epochs_ends_with_equal_weights(command: list[str], tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finish([*command, str(whole)])
    states = killed / "states"
    kill_after(states / "checkpoint-2", [*command, str(killed)])
    assert not (states / "checkpoint-4").exists()
    kill_after(states / "checkpoint-4", [*command, str(killed), "--resume"])
    assert not (states / "checkpoint-6").exists()
    finish([*command, str(killed), "--resume"])
    # In the last epoch, after documents were scored in another process than in the run that was not killed.
    last = Path("states", "checkpoint-8", "model.safetensors")
    expected, found = (load_file(folder / last) for folder in (whole, killed))
    assert found.keys() == expected.keys()
    differ = [name for name, weight in expected.items() if not torch.equal(found[name], weight)]
    assert not differ
