from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from atlop import checkpoint as module
from atlop import folder as folder_module
from atlop.batches import collate
from atlop.calibration import Calibration
from atlop.checkpoint import Checkpoint, load, new_checkpoint, save
from atlop.config import ModelConfig
from atlop.documents import Document
from atlop.errors import CheckpointError
from atlop.features import Featurizer
from atlop.labels import LabelMap

pytestmark = pytest.mark.usefixtures("one_thread")

BIAS = "bilinear.linear.bias"


@pytest.fixture
def folder(tiny_checkpoint: Checkpoint, tmp_path: Path) -> Path:
    """A model folder."""
    save(tiny_checkpoint, tmp_path / "model")
    return tmp_path / "model"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def logits(checkpoint: Checkpoint, document: Document) -> Tensor:
    featurizer = Featurizer(
        checkpoint.tokenizer, checkpoint.config, checkpoint.model.encoder.window, labels=checkpoint.labels
    )
    with torch.inference_mode():
        given: Tensor = checkpoint.model.eval()(collate([featurizer(document)], featurizer.special, 0).to("cpu")).logits
    return given


def failure(folder: Path | str) -> str:
    """The message with which loading fails; the path of the folder reads ``model``."""
    with pytest.raises(CheckpointError) as caught:
        load(folder)
    return str(caught.value).replace(str(folder), "model")


def change_weights(folder: Path, **changes: Tensor | None) -> None:
    """Replace weights, of which ``__`` in the name stands for a dot; ``None`` takes one away."""
    weights: dict[str, Any] = load_file(folder / "model.safetensors")
    weights |= {name.replace("__", "."): weight for name, weight in changes.items()}
    save_file({name: weight for name, weight in weights.items() if weight is not None}, folder / "model.safetensors")


def test_what_was_saved_gives_equal_logits(
    make_checkpoint: Callable[..., Checkpoint], build_document: Callable[..., Document], tmp_path: Path
) -> None:
    saved = make_checkpoint(Calibration(0.5, {"P1": 0.2}), max_labels=None, markers="each", max_length=100)
    save(saved, tmp_path)
    loaded = load(tmp_path)
    document = build_document(["Ada wrote to the Lovelace ."], [(0, 0, 1)], [(0, 4, 5)], [(0, 1, 2)])
    assert torch.equal(logits(loaded, document), logits(saved, document))
    assert (loaded.config, loaded.labels, loaded.calibration) == (saved.config, saved.labels, saved.calibration)
    assert loaded.tokenizer("Ada wrote")["input_ids"] == saved.tokenizer("Ada wrote")["input_ids"]


def test_a_folder_holds_safetensors_and_json_and_nothing_else(folder: Path) -> None:
    assert sorted(contents(folder)) == [
        "atlop.json",
        "calibration.json",
        "encoder/config.json",
        "encoder/tokenizer.json",
        "encoder/tokenizer_config.json",
        "labels.json",
        "model.safetensors",
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        "atlop.json",
        "calibration.json",
        "encoder",
        "labels.json",
        "model.safetensors",
    ]


def test_half_precision_is_stored_and_loads_as_fp32(tiny_checkpoint: Checkpoint, tmp_path: Path) -> None:
    save(tiny_checkpoint, tmp_path, dtype=torch.float16)
    assert {weight.dtype for weight in load_file(tmp_path / "model.safetensors").values()} == {torch.float16}
    loaded, original = load(tmp_path).model.state_dict(), tiny_checkpoint.model.state_dict()
    assert loaded.keys() == original.keys()
    assert all(torch.equal(loaded[name], weight.half().float()) for name, weight in original.items())
    assert {weight.dtype for weight in loaded.values()} == {torch.float32}


def test_a_folder_whose_encoder_was_made_in_fp16_loads_as_fp32(folder: Path) -> None:
    settings = json.loads((folder / "encoder" / "config.json").read_text())
    (folder / "encoder" / "config.json").write_text(json.dumps(settings | {"dtype": "float16"}))
    assert {weight.dtype for weight in load(folder).model.parameters()} == {torch.float32}


def test_an_encoder_stored_in_fp16_is_trained_in_fp32(tiny_encoder: Path, tmp_path: Path) -> None:
    from transformers import AutoModel

    shutil.copytree(tiny_encoder, tmp_path / "half")
    AutoModel.from_pretrained(tiny_encoder, dtype=torch.float16).save_pretrained(tmp_path / "half")
    fresh = new_checkpoint(str(tmp_path / "half"), ModelConfig(embedding_size=8, block_size=4), LabelMap(("P1",)))
    assert {weight.dtype for weight in fresh.model.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("home", "step"), [(module, "save_file"), (folder_module, "_write_json"), (folder_module, "_swap")]
)
def test_a_failure_leaves_the_old_model_and_nothing_half_written(
    folder: Path, make_checkpoint: Callable[..., Checkpoint], monkeypatch: pytest.MonkeyPatch, home: Any, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = contents(folder)
    monkeypatch.setattr(home, step, fail)
    with pytest.raises(CheckpointError) as caught:
        save(make_checkpoint(max_labels=2), folder)
    assert str(caught.value) == f"{folder}: the model cannot be saved: No space left on device"
    assert contents(folder) == before
    assert not list(folder.glob(".*"))


def test_an_error_of_safetensors_is_told_in_the_same_way(
    tiny_checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(module, "save_file", fail)
    with pytest.raises(CheckpointError) as caught:
        save(tiny_checkpoint, tmp_path / "new")
    problem = "the model cannot be saved: I/O error: No space left on device (os error 28)"
    assert str(caught.value) == f"{tmp_path}/new: {problem}"
    assert not list(tmp_path.iterdir())


def test_a_model_saved_over_an_exported_one_takes_its_place(
    exported: Path, tiny_checkpoint: Checkpoint, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(exported, tmp_path / "over")
    (tmp_path / "over" / "README.md").write_text("mine")
    save(tiny_checkpoint, tmp_path / "over")
    assert contents(tmp_path / "over") == contents(folder) | {"README.md": b"mine"}


def test_a_new_model_takes_the_place_of_an_old_one(folder: Path, make_checkpoint: Callable[..., Checkpoint]) -> None:
    save(make_checkpoint(Calibration(scale=2), max_labels=2), folder)
    assert (load(folder).calibration.scale, load(folder).config.max_labels) == (2, 2)


@pytest.mark.parametrize("name", ["atlop.json", "labels.json", "model.safetensors"])
def test_a_missing_file_is_told(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert failure(folder) == f"model/{name}: no such file, expected one in every model folder"


def test_a_missing_encoder_is_not_looked_for_on_the_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(folder / "encoder")
    monkeypatch.chdir(folder.parent)
    expected = "model/encoder/config.json: no such file, expected one in the folder of every encoder"
    assert failure("model") == expected


SHAPE = 'expected {"threshold": string, "relations": [{"name": string, "display_name": string}, ...]}'
NOT_JSON = "not readable as JSON: Expecting ',' delimiter: line 1 column 13 (char 12)"

BROKEN = {
    "truncated settings": ("atlop.json", '{"format": 1', f"model/atlop.json: {NOT_JSON}"),
    "settings that are none": (
        "atlop.json",
        "[]",
        "model/atlop.json: got format None (NoneType), this atlop reads format 1",
    ),
    "a newer format": (
        "atlop.json",
        '{"format": 2, "model": {}}',
        "model/atlop.json: got format 2 (int), this atlop reads format 1",
    ),
    "no settings of the model": (
        "atlop.json",
        '{"format": 1}',
        "model/atlop.json: 1 mistake\n"
        "  - model: got 'nothing' (str), expected settings of the model, one 'name: value' per line",
    ),
    "wrong settings of the model": (
        "atlop.json",
        '{"format": 1, "model": {"block_size": 0, "markers": "two", "marker": 1}}',
        "model/atlop.json: 3 mistakes\n"
        "  - model.marker: no such setting; did you mean markers?\n"
        "  - model.block_size: got 0 (int), expected an integer from 1 to 65536\n"
        "  - model.markers: got 'two' (str), expected one of shared, each, none",
    ),
    "a byte that is no UTF-8": (
        "labels.json",
        b"\xff",
        "model/labels.json: not readable as JSON: 'utf-8' codec can't decode byte 0xff in position 0: "
        "invalid start byte",
    ),
    "truncated labels": ("labels.json", '["ab", ["c"]', f"model/labels.json: {NOT_JSON}"),
    "labels that are none": ("labels.json", "{}", f"model/labels.json: label map: got {{}} (dict), {SHAPE}"),
    "truncated weights": (
        "model.safetensors",
        b"\x80\x00",
        "model/model.safetensors: not readable as safetensors: Error while deserializing header: header too small",
    ),
    "a truncated encoder": (
        "encoder/config.json",
        '{"model_type": "bert"',
        "model/encoder: transformers cannot load the encoder: "
        "It looks like the config file at 'model/encoder/config.json' is not a valid JSON file.",
    ),
    "an encoder without its kind": (
        "encoder/config.json",
        "{}",
        "model/encoder: transformers cannot load the encoder: "
        "Unrecognized model in model/encoder. Should have a `model_type` key in its config.json.",
    ),
    "a truncated tokenizer": (
        "encoder/tokenizer.json",
        "{",
        "model/encoder: transformers cannot load the tokenizer: "
        "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ),
}


@pytest.mark.parametrize(("name", "content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_told(folder: Path, name: str, content: str | bytes, message: str) -> None:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert failure(folder) == message


def test_weights_cut_short_are_told(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-100])
    begin = "model/model.safetensors: not readable as safetensors: Error while deserializing header: "
    assert failure(folder).startswith(begin)


def test_a_label_map_that_does_not_fit_the_weights_is_told(folder: Path) -> None:
    (folder / "labels.json").write_text(json.dumps(LabelMap(("P1", "P2")).to_json()))
    assert failure(folder) == "model/model.safetensors: scores 4 columns, but the label map has 3"


DO_NOT_FIT = "model/model.safetensors: the weights do not fit the model: "
NOT_NUMBERS = {
    "NaN": ("nan", f"{DO_NOT_FIT}head.linear.bias: holds values that are not finite"),
    "infinity": ("inf", f"{DO_NOT_FIT}head.linear.bias: holds values that are not finite"),
}


@pytest.mark.parametrize(("value", "message"), NOT_NUMBERS.values(), ids=NOT_NUMBERS)
def test_weights_that_are_not_numbers_are_told(folder: Path, value: str, message: str) -> None:
    change_weights(folder, head__linear__bias=torch.full((12,), float(value)))
    assert failure(folder) == message


UNFIT = {
    "missing": ({"tail__linear__bias": None}, "tail.linear.bias: missing"),
    "unknown": ({"tail__linear__offset": torch.zeros(1)}, "tail.linear.offset: unknown"),
    "another shape": ({"tail__linear__bias": torch.zeros(13)}, "tail.linear.bias: got shape (13,), expected (12,)"),
    "a missing bias of the scores": ({"bilinear__linear__bias": None}, "bilinear.linear.bias: missing"),
    "five mistakes": (
        {
            "tail__linear__bias": None,
            "head__linear__bias": None,
            "bilinear__linear__bias": None,
            "one": torch.zeros(1),
            "two": torch.zeros(1),
        },
        "head.linear.bias: missing; tail.linear.bias: missing; bilinear.linear.bias: missing; and 2 more",
    ),
}


@pytest.mark.parametrize(("changes", "message"), UNFIT.values(), ids=UNFIT)
def test_weights_that_do_not_fit_are_told(folder: Path, changes: dict[str, Tensor | None], message: str) -> None:
    change_weights(folder, **changes)
    assert failure(folder) == f"{DO_NOT_FIT}{message}"


def without_tokenizer(encoder: Path) -> None:
    (encoder / "tokenizer.json").unlink()


def with_more_subwords(encoder: Path) -> None:
    settings = json.loads((encoder / "config.json").read_text())
    (encoder / "config.json").write_text(json.dumps(settings | {"vocab_size": 100}))


def with_half_a_tokenizer(encoder: Path) -> None:
    (encoder / "tokenizer.json").write_text("{")


TOKENIZERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "none": (without_tokenizer, "the tokenizer has no vocabulary; expected its files, such as tokenizer.json"),
    "another": (
        with_more_subwords,
        "the tokenizer has 137 subwords, but the encoder has embeddings for 100; "
        "use the tokenizer that the encoder was trained with",
    ),
    "half of one": (
        with_half_a_tokenizer,
        "transformers cannot load the tokenizer: "
        "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ),
}


@pytest.mark.parametrize(("change", "message"), TOKENIZERS.values(), ids=TOKENIZERS)
def test_a_tokenizer_that_does_not_fit_is_told(folder: Path, change: Callable[[Path], None], message: str) -> None:
    change(folder / "encoder")
    assert failure(folder) == f"model/encoder: {message}"


EVIL = "import pathlib\npathlib.Path(__file__).with_name('ran').touch()\nclass Config: ...\nclass Model: ...\n"


@pytest.fixture
def folder_with_code(folder: Path) -> Path:
    """A model folder whose encoder names classes of a file in it."""
    encoder = folder / "encoder"
    (encoder / "evil.py").write_text(EVIL)
    for name, classes in (
        ("config.json", {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}),
        ("tokenizer_config.json", {"AutoTokenizer": ["evil.Model", None]}),
    ):
        settings = json.loads((encoder / name).read_text())
        (encoder / name).write_text(json.dumps(settings | {"auto_map": classes}))
    return folder


def test_code_in_a_folder_is_not_run(folder_with_code: Path, tiny_checkpoint: Checkpoint) -> None:
    loaded = load(folder_with_code).model.state_dict()
    assert all(torch.equal(loaded[name], weight) for name, weight in tiny_checkpoint.model.state_dict().items())
    assert not list(folder_with_code.rglob("ran"))


def test_a_folder_that_needs_code_is_refused(folder_with_code: Path) -> None:
    path = folder_with_code / "encoder" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": "evil"}))
    assert failure(folder_with_code).startswith("model/encoder: transformers cannot load the encoder: ")
    assert not list(folder_with_code.rglob("ran"))


def test_an_encoder_that_needs_code_is_refused(folder_with_code: Path) -> None:
    encoder = folder_with_code / "encoder"
    path = encoder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": "evil"}))
    with pytest.raises(CheckpointError) as caught:
        new_checkpoint(str(encoder), ModelConfig(), LabelMap(("P1",)))
    assert str(caught.value).startswith(f"encoder '{encoder}': transformers cannot load it: ")
    assert not list(folder_with_code.rglob("ran"))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("model.safetensors", "Error while deserializing header: header too small"),
        ("pytorch_model.bin", "unpack requires a buffer of 4 bytes"),
    ],
)
def test_damaged_weights_of_an_encoder_are_told(tiny_encoder: Path, tmp_path: Path, name: str, problem: str) -> None:
    encoder = tmp_path / "encoder"
    shutil.copytree(tiny_encoder, encoder, ignore=shutil.ignore_patterns("*.safetensors"))
    (encoder / name).write_bytes(b"\x80\x02J\x01")
    with pytest.raises(CheckpointError) as caught:
        new_checkpoint(str(encoder), ModelConfig(), LabelMap(("P1",)))
    assert str(caught.value) == f"encoder '{encoder}': transformers cannot load it: {problem}"
