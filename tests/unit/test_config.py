from __future__ import annotations

import dataclasses
import ntpath
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atlop import settings
from atlop.config import ModelConfig, TrainingConfig, build_model_config, load_training_config
from atlop.errors import ConfigError

ONE = "an integer from 1 to 2147483647"
OTHER = "or another part that is registered as"
TRACKERS = "a list of installed trackers (tensorboard: atlop[tensorboard], wandb: atlop[wandb])"
PLAIN: dict[str, Any] = {"encoder": "some/encoder", "train": Path("train.json")}
MODEL = {
    "embedding_size": ([0, -1, 1.5, True, "8", None, 2**16 + 1], "an integer from 1 to 65536"),
    "block_size": ([0, 2.0, None], "an integer from 1 to 65536"),
    "markers": (["two", None, 1, ["shared"]], "one of shared, each, none"),
    "mention_subwords": (["first", 1], "one of start, ends, all"),
    "mention_pooling": (["sum"], f"one of logsumexp, mean, max, logsumexp-typed, {OTHER} mention_pooling"),
    "context": (["global"], f"one of localized, none, {OTHER} context"),
    "interaction": (["none", 1], f"one of reverse, {OTHER} interaction, or null"),
    "thresholding": ([True], f"one of adaptive, adaptive-bce, global, weighted-softmax, {OTHER} thresholding"),
    "positive_weight": ([0.0, -1.0, float("inf"), None], "a number above 0"),
    "heads": (
        ["missing", ("missing",), ("evidence", "evidence"), (["evidence"],)],
        "a list of parts that are registered as heads, each once",
    ),
    "max_labels": ([0, 1.0, "all"], f"{ONE}, or null"),
    "max_length": ([7], "an integer from 8 to 2147483647, or null"),
    "window": ([7], "an integer from 8 to 2147483647, or null"),
    "window_overlap": ([1.5, None], "an integer from -2147483647 to 2147483647"),
}
TRAINING = {
    "encoder": (["", None, 5, "a\0b"], "a string"),
    "init": (["", 5, "a\0b"], "a string, or null"),
    "train": (["", 5, None, Path("a\0b")], "the path of a file"),
    "train_unlabelled": (["a.json", [5], [""], None], "a list of paths"),
    "teachers": (["model", [5], None], "a list of paths"),
    "dev": ([["a.json"]], "the path of a file, or null"),
    "dev_pubtator": ([0.5], "the path of a file, or null"),
    "labels": ([{}], "the path of a file, or null"),
    "label_names": ([False], "the path of a file, or null"),
    "model": ([{}, None], "a ModelConfig"),
    "epochs": ([0, 1.0, 10**30], ONE),
    "batch_size": ([0, 10**20], ONE),
    "gradient_accumulation": ([0], ONE),
    "encoder_learning_rate": ([0.0, "fast"], "a number above 0"),
    "head_learning_rate": ([-1e-4], "a number above 0"),
    "warmup": ([1.0, -0.1, "1"], "a number from 0 to below 1"),
    "weight_decay": ([-0.1], "a number of at least 0"),
    "adam_epsilon": ([0.0], "a number above 0"),
    "max_gradient_norm": ([0.0], "a number above 0"),
    "precision": (["fp64", 16], "one of auto, fp32, bf16, fp16"),
    "seed": ([-1, 0.0, 2**32], "an integer from 0 to 4294967295"),
    "save_every": ([0], f"{ONE}, or null"),
    "report_to": (["wandb", [5], None, ["wand"]], TRACKERS),
}


def cases(rules: dict[str, tuple[list[Any], str]]) -> list[Any]:
    return [(name, value, expected) for name, (values, expected) in rules.items() for value in values]


def shown(name: str, value: Any) -> str:
    """The wrong value in the message, after it was brought to the type of its setting."""
    if name == "warmup" and value == "1":
        value = 1.0
    value = tuple(value) if name == "report_to" and isinstance(value, list) else value
    return f"{value!r} ({type(value).__name__})"


def mistakes_of(build: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        build()
    return caught.value.mistakes


@pytest.mark.parametrize(("name", "value", "expected"), cases(MODEL))
def test_every_setting_of_a_model_is_checked(name: str, value: Any, expected: str) -> None:
    mistakes = mistakes_of(lambda: ModelConfig(**{name: value}))
    assert mistakes == (f"{name}: got {shown(name, value)}, expected {expected}",)


@pytest.mark.parametrize(("name", "value", "expected"), cases(TRAINING))
def test_every_setting_of_a_run_is_checked(name: str, value: Any, expected: str) -> None:
    mistakes = mistakes_of(lambda: TrainingConfig(**{**PLAIN, name: value}))
    assert mistakes == (f"{name}: got {shown(name, value)}, expected {expected}",)


def test_no_setting_goes_unchecked() -> None:
    assert [entry.name for entry in dataclasses.fields(ModelConfig)] == list(MODEL)
    assert [entry.name for entry in dataclasses.fields(TrainingConfig)] == list(TRAINING)


def test_the_defaults_are_the_papers() -> None:
    config = TrainingConfig(**PLAIN)
    assert (config.batch_size, config.epochs, config.seed) == (4, 30, 66)
    assert (config.encoder_learning_rate, config.head_learning_rate, config.warmup) == (5e-5, 1e-4, 0.06)
    assert (config.max_gradient_norm, config.weight_decay, config.adam_epsilon) == (1.0, 0.0, 1e-6)
    assert (config.model.embedding_size, config.model.block_size, config.model.max_labels) == (768, 64, 4)


def test_a_block_divides_the_embedding() -> None:
    (mistake,) = mistakes_of(lambda: ModelConfig(embedding_size=96, block_size=64))
    assert mistake == "block_size: got 64 (int), expected a divisor of embedding_size, which is 96"


@pytest.mark.parametrize("head", ["mentions", "entities"])
def test_a_head_that_finds_entities_sees_no_markers(head: str) -> None:
    (mistake,) = mistakes_of(lambda: ModelConfig(heads=("evidence", head)))
    expected = f"expected none, as markers would tell the head '{head}' what it is to find"
    assert mistake == f"markers: got 'shared' (str), {expected}"
    assert ModelConfig(heads=(head,), markers="none").heads == (head,)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        ModelConfig(embedding_size=0, markers="two", positive_weight=0)
    assert str(caught.value) == (
        "ModelConfig: 3 mistakes\n"
        "  - embedding_size: got 0 (int), expected an integer from 1 to 65536\n"
        "  - markers: got 'two' (str), expected one of shared, each, none\n"
        "  - positive_weight: got 0.0 (float), expected a number above 0"
    )


def test_mistakes_of_several_settings_are_told_with_those_of_one() -> None:
    with pytest.raises(ConfigError) as caught:
        ModelConfig(embedding_size=100, block_size=64, max_labels=0)
    assert caught.value.mistakes == (
        "max_labels: got 0 (int), expected an integer from 1 to 2147483647, or null",
        "block_size: got 64 (int), expected a divisor of embedding_size, which is 100",
    )
    with pytest.raises(ConfigError) as caught:
        TrainingConfig(encoder="bert", train=Path("train"), dev_pubtator=Path("dev"), teachers=["first"], epochs=0)
    assert caught.value.mistakes == (
        "epochs: got 0 (int), expected an integer from 1 to 2147483647",
        "dev_pubtator: given without dev, expected both; dev selects the best epoch",
        "teachers: given without train_unlabelled, expected both; teachers label its documents",
    )


def test_values_are_converted_to_their_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda name: name == "wandb")
    config = TrainingConfig(encoder="a", train="b.json", warmup=0, report_to=["wandb"], max_gradient_norm="5")  # type: ignore[arg-type]
    assert (config.train, config.warmup, config.report_to) == (Path("b.json"), 0.0, ("wandb",))
    assert type(config.warmup) is float
    assert config.max_gradient_norm == 5.0


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a configuration file."""

    def run(text: str) -> Path:
        path = tmp_path / "run.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return run


FOUR_MISTAKES = """\
encoder: some/encoder
epoch: 3
batch_size: two
model:
  block_size: 64
  positive_weight: -1
"""


def test_four_mistakes_of_a_file_are_told_at_once(write: Callable[[str], Path]) -> None:
    path = write(FOUR_MISTAKES)
    with pytest.raises(ConfigError) as caught:
        load_training_config(path)
    assert str(caught.value) == (
        f"{path}: 4 mistakes\n"
        "  - model.positive_weight: got -1.0 (float), expected a number above 0\n"
        "  - epoch: no such setting; did you mean epochs?\n"
        "  - train: missing, expected the path of a file\n"
        f"  - batch_size: got 'two' (str), expected {ONE}"
    )


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("encoder: a\ntrain: b\nxyz: 1", ["xyz: no such setting"]),
        ("encoder: a\ntrain: b\n5: 1", ["5: no such setting"]),
        ("epochs: 1", ["encoder: missing, expected a string", "train: missing, expected the path of a file"]),
        ("encoder: a\ntrain: b\nmodel: {blocksize: 1}", ["model.blocksize: no such setting; did you mean block_size?"]),
        (
            "encoder: a\ntrain: b\nmodel: large",
            ["model: got 'large' (str), expected settings of the model, one 'name: value' per line"],
        ),
        ("- a", ["got ['a'] (list), expected settings, one 'name: value' per line"]),
        ("", ["got None (NoneType), expected settings, one 'name: value' per line"]),
        (
            "encoder: a\ntrain: b\nmodel: {embedding_size: 96}",
            ["model.block_size: got 64 (int), expected a divisor of embedding_size, which is 96"],
        ),
    ],
)
def test_a_wrong_file_is_told(write: Callable[[str], Path], text: str, mistakes: list[str]) -> None:
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load_training_config(path)
    assert list(caught.value.mistakes) == mistakes
    assert caught.value.source == str(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    with pytest.raises(ConfigError) as caught:
        load_training_config(path)
    assert str(caught.value) == f"{path}: 1 mistake\n  - cannot be read: No such file or directory"


def test_a_file_that_is_no_yaml_is_told_in_one_line(write: Callable[[str], Path]) -> None:
    (mistake,) = mistakes_of(lambda: load_training_config(write("a: [1")))
    assert mistake.startswith("cannot be read: while parsing a flow sequence")
    assert "\n" not in mistake


REFUSED = {
    "no integer": ('seed: !!int ""', "cannot be read: a value does not fit its tag, such as !!int"),
    "no number": ('warmup: !!float ""', "cannot be read: a value does not fit its tag, such as !!int"),
    "no truth value": ("seed: !!bool x", "cannot be read: a value does not fit its tag, such as !!int"),
    "no date": ("seed: !!timestamp x", "cannot be read: a value does not fit its tag, such as !!int"),
    "a bad date": ("seed: 2001-13-45", "cannot be read: month must be in 1..12"),
    "deep nesting": ("a: " + "[" * 5000, "cannot be read: nested too deeply"),
    "an integer of too many digits": (f"seed: {'1' * 5000}", "cannot be read: Exceeds the limit (4300 digits)"),
    "a NUL": ('encoder: a\ntrain: "a\\0b"', "train: got 'a\\x00b' (str), expected the path of a file"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_yaml_that_its_parser_refuses_late_is_one_mistake(
    write: Callable[[str], Path], text: str, message: str
) -> None:
    (mistake,) = mistakes_of(lambda: load_training_config(write(text)))
    assert mistake.startswith(message)
    assert "\n" not in mistake


def test_teachers_need_documents_to_label() -> None:
    (mistake,) = mistakes_of(lambda: TrainingConfig(**PLAIN, teachers=[Path("model")]))
    assert mistake == "teachers: given without train_unlabelled, expected both; teachers label its documents"


def test_dev_pubtator_needs_dev() -> None:
    (mistake,) = mistakes_of(lambda: TrainingConfig(**PLAIN, dev_pubtator=Path("dev.txt")))
    assert mistake == "dev_pubtator: given without dev, expected both; dev selects the best epoch"


def test_yaml_reads_an_exponent_as_a_string_and_it_counts_as_a_number(write: Callable[[str], Path]) -> None:
    config = load_training_config(write("encoder: a\ntrain: b\nencoder_learning_rate: 5e-5\nadam_epsilon: 1.0e-6"))
    assert config.encoder_learning_rate == 0.00005
    assert config.adam_epsilon == 0.000001


def test_paths_count_from_the_file_and_in_overrides_from_here(
    write: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    files = "train: data/train.json\ntrain_unlabelled: [more.json, /all.json]\ndev: ../dev.json\nlabels: /rel2id.json"
    path = write(f"encoder: a\n{files}")
    config = load_training_config(path, {"dev": "dev.json"})
    assert config.train_unlabelled == (tmp_path / "more.json", Path("/all.json"))
    assert config.train == tmp_path / "data" / "train.json"
    assert config.dev == Path("dev.json")
    assert config.labels == Path("/rel2id.json")
    assert config.encoder == "a"


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        ("../bert", "bert"),  # as it is written
        ("./none", "runs/none"),  # a path even if there is no such folder
        ("nearby", "runs/nearby"),  # as it exists beside the file
        ("~/bert", "home/bert"),
        ("org/bert", None),
        ("bert-base-cased", None),
    ],
)
def test_a_model_that_is_a_path_is_relative_to_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: str, expected: str | None
) -> None:
    (tmp_path / "runs" / "nearby").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "runs" / "run.yaml").write_text(f"encoder: {encoder}\ninit: {encoder}\ntrain: a\n")
    found = load_training_config(tmp_path / "runs" / "run.yaml")
    assert {found.encoder, found.init} == {encoder if expected is None else str(tmp_path / expected)}


def test_a_symlink_loop_or_an_overlong_name_is_a_path_like_any_other(write: Callable[[str], Path]) -> None:
    path = write(f"encoder: a\ntrain: loop\ndev: {'x' * 300}\n")
    (path.parent / "loop").symlink_to("loop")
    config = load_training_config(path)
    assert (config.train, config.dev) == (path.parent / "loop", path.parent / ("x" * 300))


def test_settings_that_are_given_nowhere_are_those_of_the_model_to_start_from(write: Callable[[str], Path]) -> None:
    bases = {"large": ModelConfig(embedding_size=128, max_labels=2), "small": ModelConfig(embedding_size=64)}
    path = write("encoder: a\ntrain: b\ninit: large\nmodel: {max_labels: 1}")
    config = load_training_config(path, {"model.window": 9}, inherit=bases.__getitem__)
    assert config.model == dataclasses.replace(bases["large"], max_labels=1, window=9)
    config = load_training_config(path, {"init": "small"}, inherit=bases.__getitem__)
    assert config.model == dataclasses.replace(bases["small"], max_labels=1)


@pytest.mark.parametrize("init", ["init: null", ""])
def test_without_a_model_to_start_from_nothing_is_inherited(write: Callable[[str], Path], init: str) -> None:
    config = load_training_config(write(f"encoder: a\ntrain: b\n{init}"), inherit={}.__getitem__)
    assert config.model == ModelConfig()


def test_a_model_to_start_from_that_is_no_name_is_told(write: Callable[[str], Path]) -> None:
    path = write("encoder: a\ntrain: b\ninit: 5")
    (mistake,) = mistakes_of(lambda: load_training_config(path, inherit={}.__getitem__))
    assert mistake == "init: got 5 (int), expected a string, or null"


@pytest.mark.parametrize("section", ["model: {embedding_size: 128, max_labels: 2}", "model:", ""])
def test_overrides_reach_into_the_model(write: Callable[[str], Path], section: str) -> None:
    path = write(f"encoder: a\ntrain: b\nepochs: 3\n{section}\n")
    config = load_training_config(path, {"model.block_size": 32, "epochs": 5})
    assert (config.epochs, config.model.block_size) == (5, 32)
    assert config.model.max_labels == (2 if "max_labels" in section else 4)


def test_mistakes_in_overrides_are_told_with_the_others(write: Callable[[str], Path]) -> None:
    path = write("encoder: a\nepochs: 0")
    assert mistakes_of(lambda: load_training_config(path, {"model.markers": "two", "sed": 1, "x.y": 2})) == (
        "model.markers: got 'two' (str), expected one of shared, each, none",
        "sed: no such setting; did you mean seed?",
        "x: no such setting",
        "train: missing, expected the path of a file",
        f"epochs: got 0 (int), expected {ONE}",
    )


def test_a_stored_model_config_is_built_with_all_its_mistakes() -> None:
    config = ModelConfig(block_size=32, max_length=1024, window_overlap=-3)
    assert build_model_config(dataclasses.asdict(config), source="atlop.json") == config
    with pytest.raises(ConfigError) as caught:
        build_model_config({"block_size": 0, "width": 3}, source="atlop.json")
    assert str(caught.value) == (
        "atlop.json: 2 mistakes\n"
        "  - model.width: no such setting\n"
        "  - model.block_size: got 0 (int), expected an integer from 1 to 65536"
    )


def test_an_absolute_path_is_one_in_the_notation_of_the_system(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "isabs", ntpath.isabs)
    path = write("encoder: C:\\models\\bert\ninit: org/bert\ntrain: a\n")
    config = load_training_config(path)
    assert config.encoder == str(path.parent / "C:\\models\\bert")
    assert config.init == "org/bert"
