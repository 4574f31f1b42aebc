from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from atlop.checkpoint import Checkpoint, load, save
from atlop.config import ModelConfig
from atlop.errors import CheckpointError
from atlop.reference import load_reference

pytestmark = pytest.mark.usefixtures("one_thread")

State = dict[str, Tensor]
PUBLISHED = (
    ("encoder.transformer.", "model."),
    ("head.linear.", "head_extractor."),
    ("tail.linear.", "tail_extractor."),
    ("bilinear.linear.", "bilinear."),
)
COLUMNS = {"Na": 0, "P1": 1, "P2": 2, "P3": 3}


def published_state(checkpoint: Checkpoint) -> State:
    """The weights of a model of ours under the names of the published implementation."""
    state = {}
    for name, weight in checkpoint.model.state_dict().items():
        own, published = next(both for both in PUBLISHED if name.startswith(both[0]))
        state[published + name.removeprefix(own)] = weight.clone()
    return state


@pytest.fixture
def state(tiny_checkpoint: Checkpoint) -> State:
    return published_state(tiny_checkpoint)


@pytest.fixture
def importing(tiny_encoder: Path, tmp_path: Path) -> Callable[..., Checkpoint]:
    """Import weights, which are written to ``weights.pt`` unless they are there, and columns."""

    def run(state: object = None, columns: Any = COLUMNS, *, weights: str = "weights.pt") -> Checkpoint:
        (tmp_path / "rel2id.json").write_text(json.dumps(columns))
        if state is not None:
            torch.save(state, tmp_path / weights)
        return load_reference(tiny_encoder, tmp_path / weights, tmp_path / "rel2id.json")

    return run


@pytest.fixture
def failure(importing: Callable[..., Checkpoint], tmp_path: Path) -> Callable[..., str]:
    """The message with which an import fails, without the folder of the files."""

    def run(*what: Any, **others: Any) -> str:
        with pytest.raises(CheckpointError) as caught:
            importing(*what, **others)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return run


def same_weights(found: Checkpoint, expected: Checkpoint) -> bool:
    ours, theirs = found.model.state_dict(), expected.model.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_every_weight_finds_its_place(
    importing: Callable[..., Checkpoint], state: State, tiny_checkpoint: Checkpoint
) -> None:
    assert {"model.embeddings.word_embeddings.weight", "head_extractor.weight", "bilinear.bias"} < state.keys()
    assert same_weights(importing(state), tiny_checkpoint)


def test_safetensors_are_read_as_well(
    importing: Callable[..., Checkpoint], state: State, tiny_checkpoint: Checkpoint, tmp_path: Path
) -> None:
    save_file(state, tmp_path / "weights.safetensors")
    assert same_weights(importing(weights="weights.safetensors"), tiny_checkpoint)


def test_what_no_score_depends_on_does_no_harm(
    importing: Callable[..., Checkpoint], state: State, tiny_checkpoint: Checkpoint
) -> None:
    stray = {
        "model.embeddings.position_ids": torch.arange(64)[None],
        "model.pooler.dense.weight": torch.zeros(16, 16),
        "model.pooler.dense.bias": torch.zeros(16),
    }
    assert same_weights(importing(state | stray), tiny_checkpoint)


def test_half_precision_becomes_fp32(importing: Callable[..., Checkpoint], state: State) -> None:
    imported = importing({name: weight.half() for name, weight in state.items()})
    assert {weight.dtype for weight in imported.model.parameters()} == {torch.float32}


@pytest.mark.parametrize(("size", "block"), [(12, 4), (12, 12), (16, 2)])
def test_sizes_are_read_from_the_weights(
    importing: Callable[..., Checkpoint], make_checkpoint: Callable[..., Checkpoint], size: int, block: int
) -> None:
    imported = importing(published_state(make_checkpoint(embedding_size=size, block_size=block)))
    assert imported.config == ModelConfig(
        embedding_size=size, block_size=block, markers="shared", max_labels=4, max_length=1024, window_overlap=-3
    )


def test_two_classes_mean_one_label_and_a_marker_for_each_mention(
    importing: Callable[..., Checkpoint], state: State
) -> None:
    state |= {name: state[name][:2].clone() for name in ("bilinear.weight", "bilinear.bias")}
    imported = importing(state, {"1:NR:2": 0, "1:CID:2": 1})
    assert (imported.config.max_labels, imported.config.markers, imported.config.max_length) == (1, "each", 1024)
    assert (imported.labels.threshold, imported.labels.relations) == ("NR", ("CID",))


@pytest.mark.parametrize("zero", ["Na", "no_relation", "NA"])
def test_column_0_is_the_threshold_whatever_its_name(
    importing: Callable[..., Checkpoint], state: State, zero: str
) -> None:
    labels = importing(state, {"B": 2, "C": 3, zero: 0, "A": 1}).labels
    assert (labels.threshold, labels.relations) == (zero, ("A", "B", "C"))


def test_what_was_imported_is_saved_and_loaded(
    importing: Callable[..., Checkpoint], state: State, tmp_path: Path
) -> None:
    imported = importing(state)
    save(imported, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert same_weights(loaded, imported)
    assert (loaded.config, loaded.labels) == (imported.config, imported.labels)


class Evil:
    """A pickle of it makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return _touch, (str(self.path),)


def _touch(path: str) -> None:
    pathlib.Path(path).touch()


REFUSED = "weights.pt: got something other than plain tensors, expected a state_dict; none of it was run"


def test_a_pickle_that_would_run_code_is_refused_and_not_run(
    failure: Callable[..., str], state: State, tmp_path: Path
) -> None:
    assert failure({**state, "model.evil": Evil(tmp_path / "ran")}) == REFUSED
    assert not (tmp_path / "ran").exists()
    torch.load(tmp_path / "weights.pt", weights_only=False)
    assert (tmp_path / "ran").exists(), "the pickle is harmless, so the test shows nothing"


NEITHER = "expected a state_dict of the reference implementation with head_extractor and bilinear"


def without(*names: str) -> Callable[[State], State]:
    return lambda state: {name: weight for name, weight in state.items() if name not in names}


MALFORMED: dict[str, tuple[Callable[[State], object], str]] = {
    "a whole model": (lambda state: torch.nn.Linear(1, 1), REFUSED),
    "a list": (lambda state: [1], "weights.pt: got list, expected a state_dict, names with one tensor each"),
    "a checkpoint around the weights": (
        lambda state: {"model": state, "epoch": 3},
        "weights.pt: got dict, expected a state_dict, names with one tensor each",
    ),
    "numbers for names": (
        lambda state: {0: torch.zeros(1)},
        "weights.pt: got dict, expected a state_dict, names with one tensor each",
    ),
    "nothing": (lambda state: {}, f"weights.pt: got nothing, {NEITHER}"),
    "a bare encoder": (
        lambda state: {"a.weight": torch.zeros(1), "b.weight": torch.zeros(1)},
        f"weights.pt: got a.weight, b.weight, {NEITHER}",
    ),
    "a bilinear layer of one dimension": (
        lambda state: {
            name: state[name].flatten() for name in ("bilinear.bias", "bilinear.weight", "head_extractor.weight")
        },
        f"weights.pt: got bilinear.bias, bilinear.weight, head_extractor.weight, {NEITHER}",
    ),
    "a missing weight": (
        without("tail_extractor.bias"),
        "weights.pt: the weights do not fit the model: tail.linear.bias: missing",
    ),
    "a weight too many": (
        lambda state: {**state, "other.bias": torch.zeros(1)},
        "weights.pt: the weights do not fit the model: other.bias: unknown",
    ),
    "a layer without rows": (
        lambda state: {**state, "head_extractor.weight": torch.zeros(0, 12)},
        "weights.pt: the sizes of the weights do not fit together: "
        "head.linear.weight (0, 12), bilinear.linear.weight (4, 48), bilinear.linear.bias (4,)",
    ),
    "blocks that do not divide the embedding": (
        lambda state: {**state, "bilinear.weight": torch.zeros(4, 60)},
        "weights.pt: the sizes of the weights do not fit together: "
        "head.linear.weight (12, 32), bilinear.linear.weight (4, 60), bilinear.linear.bias (4,)",
    ),
    "an encoder of another size": (
        lambda state: {**state, "model.embeddings.LayerNorm.bias": torch.zeros(32)},
        "weights.pt: the weights do not fit the model: "
        "encoder.transformer.embeddings.LayerNorm.bias: got shape (32,), expected (16,)",
    ),
    "a weight that is no number": (
        lambda state: {**state, "bilinear.bias": torch.tensor([0.0, 0.0, float("nan"), 0.0])},
        "weights.pt: the weights do not fit the model: bilinear.linear.bias: holds values that are not finite",
    ),
}


@pytest.mark.parametrize(("change", "message"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_weights_are_told(
    failure: Callable[..., str], state: State, change: Callable[[State], object], message: str
) -> None:
    assert failure(change(state)) == message


UNREADABLE = {
    "empty": (b"", "not readable as weights: EOFError"),
    "no pickle": (b"hello", "not readable as weights: no key 101"),
    "a pickle of a text": (b"X\x05\x00\x00\x00hello.", "not readable as weights: Invalid magic number; corrupt file?"),
}


@pytest.mark.parametrize(("content", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_holds_no_weights_is_told(
    failure: Callable[..., str], tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "weights.pt").write_bytes(content)
    assert failure() == f"weights.pt: {message}"


def test_truncated_weights_are_told(failure: Callable[..., str], state: State, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "weights.pt")
    (tmp_path / "weights.pt").write_bytes((tmp_path / "weights.pt").read_bytes()[:2000])
    assert failure().startswith("weights.pt: not readable as weights: PytorchStreamReader failed reading zip archive: ")


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_damaged_weights_never_end_in_a_traceback(
    failure: Callable[..., str], importing: Callable[..., Checkpoint], state: State, tmp_path: Path, suffix: str
) -> None:
    """A damage that leaves a readable file may pass; any other is one line."""
    path = tmp_path / f"weights.{suffix}"
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), len(whole) // 20):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) * 3 + whole[place + 3 :])
        try:
            importing(weights=path.name)
        except CheckpointError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused


def test_missing_files_are_told(failure: Callable[..., str], tiny_encoder: Path, tmp_path: Path) -> None:
    assert failure() == "weights.pt: not readable as weights: No such file or directory"
    with pytest.raises(CheckpointError) as caught:
        load_reference(tiny_encoder, tmp_path / "weights.pt", tmp_path / "none.json")
    assert str(caught.value) == f"{tmp_path}/none.json: not readable as JSON: No such file or directory"


COLUMN_MISTAKES = {
    "too few": ({"Na": 0, "P1": 1}, "weights.pt: scores 4 columns, but the label map has 2"),
    "too many": ({**COLUMNS, "P4": 4}, "weights.pt: scores 4 columns, but the label map has 5"),
    "a list": (["Na"], "rel2id.json: label map: got ['Na'] (list), expected a mapping of relation names to columns"),
    "a gap": (
        {"Na": 0, "P1": 2},
        "rel2id.json: label map: got the columns [0, 2] (list), expected 0 to 1, each once",
    ),
}


@pytest.mark.parametrize(("columns", "message"), COLUMN_MISTAKES.values(), ids=COLUMN_MISTAKES)
def test_labels_that_do_not_fit_are_told(failure: Callable[..., str], state: State, columns: Any, message: str) -> None:
    assert failure(state, columns) == message


def test_an_encoder_that_cannot_be_loaded_is_told(state: State, tmp_path: Path) -> None:
    (tmp_path / "rel2id.json").write_text(json.dumps(COLUMNS))
    torch.save(state, tmp_path / "weights.pt")
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "config.json").write_text("{}")
    with pytest.raises(CheckpointError) as caught:
        load_reference(tmp_path / "encoder", tmp_path / "weights.pt", tmp_path / "rel2id.json")
    assert str(caught.value) == (
        f"{tmp_path}/encoder: transformers cannot load the encoder: "
        f"Unrecognized model in {tmp_path}/encoder. Should have a `model_type` key in its config.json."
    )


def test_a_missing_encoder_is_not_looked_for_on_the_hub(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rel2id.json").write_text(json.dumps(COLUMNS))
    torch.save(state, tmp_path / "weights.pt")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        load_reference(Path("org/bert"), tmp_path / "weights.pt", tmp_path / "rel2id.json")
    assert str(caught.value) == "org/bert/config.json: no such file, expected one in the folder of every encoder"
