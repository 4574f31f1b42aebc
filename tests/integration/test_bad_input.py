"""Whatever is wrong is one clear line (or a list) and exit status 1, and every file stays as it was.

This table has the mistakes that each command checks itself, and one of each kind that comes up from a file. The exact
messages of all malformed files are in tests/unit/formats, those of options and inputs in tests/unit/cli, those of
settings, model folders and weights in tests/unit/test_{config,checkpoint,reference}.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import Result
from safetensors.torch import load_file, save_file

Run = Callable[..., Result]
Prepare = Callable[[], object]

WORDS = [["Ada", "wrote", "."]]


def text(path: str, content: str) -> Prepare:
    return lambda: Path(path).write_text(content)


def rows(path: str, *stored: Any) -> Prepare:
    """Write JSON, one value a line."""
    return text(path, "".join(json.dumps(row) + "\n" for row in stored))


def document(title: str = "a", *, words: Any = WORDS, place: tuple[int, int, int] = (0, 0, 1), **others: Any) -> Any:
    """A document with one mention as our own form stores it."""
    sentence, start, end = place
    mention = {"sentence": sentence, "start": start, "end": end, "type": "PER", "name": "Ada"}
    return {"title": title, "sentences": words, "entities": [{"mentions": [mention]}], **others}


def relation(**changes: Any) -> dict[str, Any]:
    return {"relations": [{"head": 0, "tail": 0, "relation": "P1", **changes}]}


def settings(path: str, **changes: Any) -> Prepare:
    def prepare() -> None:
        stored = json.loads(Path(path).read_text())
        Path(path).write_text(json.dumps({**stored, **changes}))

    return prepare


def nan_weights() -> None:
    weights = load_file("model/model.safetensors")
    weights["bilinear.linear.bias"][1] = torch.nan
    save_file(weights, "model/model.safetensors")


class Evil:
    """A pickle of it makes a folder when it is read."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, ("ran",)


def nothing() -> None:
    """The workplace as it is."""


PREDICT = "predict bad.jsonl --model model --output out.jsonl"
SCORE = "evaluate --gold documents.jsonl --predictions bad.json"
IMPORT = "import-reference --config model/encoder --weights weights.pt --labels rel2id.json --output new"
COLUMNS = text("rel2id.json", '{"Na": 0, "P1": 1}')
TRAIN = "train run.yaml --output new"
TAKEN = "model: already exists and is not an empty folder; choose another --output"
WHOLE = "expected a complete JSON value; is the file truncated?"
TWO_TITLES = "expected each once, as gold and predictions are joined by title"
NO_FOLDER = "no such folder; expected a model folder, or the name of one on the Hugging Face Hub, such as org/name"

BAD: dict[str, tuple[list[Prepare], str, str]] = {
    # Files of documents
    "no such file": ([], PREDICT, "bad.jsonl: cannot be read: No such file or directory"),
    "truncated JSON": (
        [text("bad.jsonl", f'{json.dumps(document())}\n{{"title": "b", "sent')],
        PREDICT,
        "bad.jsonl: document 'line 2': got invalid JSON at line 2, column 16 (Unterminated string starting at), "
        + WHOLE,
    ),
    "a wrong type": (
        [rows("bad.jsonl", document(words="Ada wrote ."))],
        PREDICT,
        "bad.jsonl: document 'a': sentences: got 'Ada wrote .' (str), expected a list",
    ),
    "an empty string as a word": (
        [rows("bad.jsonl", document("first"), document("second", words=[["Ada", ""]]))],
        PREDICT,
        "bad.jsonl: document 'second': sentences[0][1]: got '' (str), expected a non-empty string",
    ),
    "a mention out of its sentence": (
        [rows("bad.jsonl", document(place=(0, 2, 5)))],
        PREDICT,
        "bad.jsonl: document 'a': entities[0].mentions[0].end: got 5 (int), expected a word index from 3 to 3, "
        "as the mention starts at 2 in sentence 0 of 3 words",
    ),
    "an entity index out of range": (
        [rows("bad.jsonl", document(**relation(tail=1)))],
        PREDICT,
        "bad.jsonl: document 'a': relations[0].tail: got 1 (int), "
        "expected an index from 0 to 0, as there are 1 entities",
    ),
    "an unknown format": (
        [rows("bad.jsonl", document())],
        f"{PREDICT} --from xml",
        "--from: got 'xml', expected one of docred, jsonl, pubtator, data, labelstudio, doccano, brat",
    ),
    "a folder without documents": (
        [lambda: Path("empty").mkdir()],
        "predict documents.jsonl empty --model model",
        "empty: got a folder without a file of documents, "
        "expected at least one whose name ends in .ann, .data, .json, .jsonl, .pubtator, .txt",
    ),
    "a file that is no text": (
        [lambda: Path("bad.jsonl").write_bytes(b"\x89PNG\r\n")],
        PREDICT,
        "bad.jsonl: got an unknown file format that begins with b'\\x89PNG\\r\\n' (bytes), "
        "expected documents with marked entities: docred or labelstudio ('['), jsonl or doccano ('{'), "
        "pubtator ('id|t|'), brat ('T1' and a tab) or data "
        "(columns separated by tabs); plain text has no marked entities, atlop extract finds them",
    ),
    # Files to write
    "a folder that is not there": (
        [rows("bad.jsonl", document())],
        PREDICT.replace("out.jsonl", "none/out.jsonl"),
        "none/out.jsonl: cannot be written: No such file or directory",
    ),
    "a folder for a table that is not there": (
        [rows("bad.jsonl", document())],
        PREDICT.replace("out.jsonl", "none/out.txt --to table"),
        "none/out.txt: cannot be written: No such file or directory",
    ),
    "a document that the form cannot hold": (
        [rows("bad.jsonl", document(), document("b", words=[["Ada", "a b", "."]]))],
        "convert bad.jsonl --to data --output out.data",
        "out.data: document 'b': sentences[0][1]: got 'a b' (str), expected no ' ' in it, "
        "which separates fields in this format",
    ),
    "an unknown format to write": (
        [],
        "convert documents.jsonl --to xml --output out.xml",
        "--to: got 'xml', expected one of docred, jsonl, pubtator, data, leaderboard",
    ),
    "an unknown suffix": (
        [],
        "predict documents.jsonl --model model --output out.html",
        "--output: got 'out.html', expected a name that ends in one of .data, .json, .jsonl, .pubtator, .txt, .zip, "
        "or a format named with --to",
    ),
    "an output among the inputs of a folder": (
        [],
        "predict . --model model --output predictions.jsonl",
        "predictions.jsonl: is in the input folder '.', from which the next run would read it; write it somewhere else",
    ),
    "a submission over a folder": (
        [],
        "convert documents.jsonl --to leaderboard --output model",
        "model: cannot be written: Is a directory",
    ),
    # Options
    "an unknown format of predictions": (
        [],
        "predict documents.jsonl --model model --to xml",
        "--to: got 'xml', expected one of docred, jsonl, pubtator, data, leaderboard, table",
    ),
    "a confidence out of range": (
        [],
        "predict documents.jsonl --model model --min-confidence 1.5",
        "--min-confidence: got 1.5, expected a number from 0 to 1",
    ),
    "a revision of a folder": (
        [],
        "info model --revision v1",
        "--revision: got 'v1' for 'model', which is on this machine; only models on the hub have revisions",
    ),
    "an unknown device": (
        [],
        "train run.yaml --output new --device tpu",
        "--device: got 'tpu', expected one of auto, cpu, cuda, mps",
    ),
    "an unknown policy": (
        [],
        "convert documents.jsonl --to docred --output out.json --on-error ignore",
        "--on-error: got 'ignore', expected one of raise, skip",
    ),
    "an unknown precision": (
        [],
        "predict documents.jsonl --model model --precision fp64",
        "--precision: got 'fp64', expected one of auto, fp32, bf16",
    ),
    "nothing to resume": (
        [],
        "predict documents.jsonl --model model --resume",
        "--resume: got no --output, expected a JSONL file, which grows document by document",
    ),
    "a format that cannot be resumed": (
        [],
        "predict documents.jsonl --model model --output out.txt --resume",
        "--resume: got the format 'pubtator', expected a JSONL file, which grows document by document",
    ),
    "a device that is not there": (
        [],
        "predict documents.jsonl --model model --device cuda",
        "device: got 'cuda', expected one of auto, cpu, which this machine has",
    ),
    # Model folders
    "no model": ([], "predict documents.jsonl --model no/such/model", f"model 'no/such/model': {NO_FOLDER}"),
    "NaN weights": (
        [nan_weights],
        "predict documents.jsonl --model model --output out.jsonl",
        "model/model.safetensors: the weights do not fit the model: "
        "bilinear.linear.bias: holds values that are not finite",
    ),
    "a label map that does not fit the weights": (
        [text("model/labels.json", '{"threshold": "Na", "relations": []}')],
        "info model",
        "model/model.safetensors: scores 4 columns, but the label map has 1",
    ),
    "a model of a newer atlop": (
        [settings("model/atlop.json", format=2)],
        "info model",
        "model/atlop.json: got format 2 (int), this atlop reads format 1",
    ),
    "a truncated model": (
        [text("model/model.safetensors", "")],
        "predict documents.jsonl --model model",
        "model/model.safetensors: not readable as safetensors: Error while deserializing header: header too small",
    ),
    "pairs to skip that the model does not know": (
        [],
        "predict documents.jsonl --model model --prune",
        "prune: the model has no type constraints, expected the types that its training relations connect; "
        "train it with this version of atlop, or predict without pruning",
    ),
    # Scoring
    "duplicate titles in gold": (
        [rows("bad.json", document()), rows("documents.jsonl", document("a"), document("b"), document("a"))],
        SCORE,
        f"gold: got several documents with one title, 'a'; {TWO_TITLES}",
    ),
    "duplicate titles in predictions": (
        [rows("bad.json", document("a"), document("a"), document("b"), document("b"))],
        SCORE,
        f"predictions: got several documents with one title, 'a', 'b'; {TWO_TITLES}",
    ),
    "no predictions": ([], SCORE, "bad.json: cannot be read: No such file or directory"),
    "a claim without a head": (
        [rows("bad.json", [{"title": "first", "h_idx": -1, "t_idx": 1, "r": "P1"}])],
        SCORE,
        "bad.json: [0].h_idx: got -1 (int), expected a non-negative integer",
    ),
    "claims instead of gold": (
        [rows("documents.jsonl", [{"title": "first", "h_idx": 0, "t_idx": 1, "r": "P1"}]), rows("bad.json", [])],
        SCORE,
        "documents.jsonl: got facts in leaderboard format, expected documents; read them with read_submission() "
        "and join them to their documents with attach()",
    ),
    "a training fact of two": (
        [rows("train.fact", [["Ada", "Bo", "P1"], ["Ada", "P1"]]), rows("bad.json", [])],
        f"{SCORE} --train-facts train.fact",
        "train.fact: [1]: got ['Ada', 'P1'] (list), expected [head name, tail name, relation]",
    ),
    "a broken zip": (
        [text("bad.zip", "PK\x03\x04")],
        "evaluate --gold documents.jsonl --predictions bad.zip",
        "bad.zip: got a zip that cannot be read (File is not a zip file), expected an intact one without a password",
    ),
    # Published weights
    "a pickle that would run code": (
        [COLUMNS, lambda: torch.save({"model.weight": Evil()}, "weights.pt")],
        IMPORT,
        "weights.pt: got something other than plain tensors, expected a state_dict; none of it was run",
    ),
    "weights of something else": (
        [COLUMNS, lambda: torch.save({"layer.weight": torch.zeros(1)}, "weights.pt")],
        IMPORT,
        "weights.pt: got layer.weight, expected a state_dict of the reference implementation "
        "with head_extractor and bilinear",
    ),
    "columns with a gap": (
        [text("rel2id.json", '{"Na": 0, "P1": 2}')],
        IMPORT,
        "rel2id.json: label map: got the columns [0, 2] (list), expected 0 to 1, each once",
    ),
    "an import over a model": ([], IMPORT.replace("new", "model"), TAKEN),
    "an export over a model": ([], "export model --output model", TAKEN),
    "an export to an unknown form": (
        [],
        "export model --to tflite --output new",
        "--to: got 'tflite', expected one of onnx",
    ),
    # Training
    "a configuration with four mistakes": (
        [text("run.yaml", "epoch: 3\ntrain: documents.jsonl\nbatch_size: two\nmodel: {block_size: 7}\n")],
        TRAIN,
        "run.yaml: 4 mistakes\n"
        "  - model.block_size: got 7 (int), expected a divisor of embedding_size, which is 768\n"
        "  - epoch: no such setting; did you mean epochs?\n"
        "  - encoder: missing, expected a string\n"
        "  - batch_size: got 'two' (str), expected an integer from 1 to 2147483647",
    ),
    "no configuration": (
        [],
        "train none.yaml --output new",
        "none.yaml: 1 mistake\n  - cannot be read: No such file or directory",
    ),
    "a setting without a value": (
        [],
        f"{TRAIN} --set epochs",
        "--set: 1 mistake\n  - got 'epochs' (str), expected key=value",
    ),
    "an unknown relation": (
        [COLUMNS],
        f"{TRAIN} --set labels=rel2id.json",
        "{folder}/documents.jsonl: document 'first': unknown relation 'P2': the label map has 1 relations",
    ),
    "nothing to train on": (
        [rows("documents.jsonl", document())],
        TRAIN,
        "{folder}/documents.jsonl: no document has a pair of entities, expected at least one to train on",
    ),
    "a folder in use": (
        [],
        "train run.yaml --output model",
        "model: is not empty; choose a new folder, or continue its run with --resume",
    ),
    "no model to start from": ([], f"{TRAIN} --init no/such/model", f"model 'no/such/model': {NO_FOLDER}"),
}


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize(("preparations", "command", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_an_error_and_leaves_everything_as_it_was(
    run: Run, workplace: Path, preparations: list[Prepare], command: str, message: str
) -> None:
    for name in ("out.jsonl", "out.data", "out.json"):
        (workplace / name).write_text("old")
    for prepare in preparations:
        prepare()
    before = contents(workplace)
    result = run(command)
    assert result.stderr == f"atlop: {message.replace('{folder}', str(workplace))}\n"
    assert (result.exit_code, result.stdout) == (1, "")
    assert contents(workplace) == before


def test_what_the_processor_lacks_is_an_error_before_the_model_is_loaded(
    run: Run, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLOP_DISABLE", "bf16")
    (workplace / "model" / "model.safetensors").unlink()
    result = run("predict documents.jsonl --model model --precision bf16")
    message = "precision: got 'bf16', which this processor does not support natively; use auto or fp32"
    assert (result.exit_code, result.output) == (1, f"atlop: {message}\n")


@pytest.mark.parametrize("command", ["predict", "train run.yaml", "convert documents.jsonl", "evaluate", "nonsense"])
def test_a_command_that_lacks_something_shows_how_it_is_used(run: Run, command: str) -> None:
    result = run(command)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr
