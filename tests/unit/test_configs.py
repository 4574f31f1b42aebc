"""The configurations that are shipped: the whole grid is there, and each loads as what its name says."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from atlop.config import ModelConfig, TrainingConfig, load_training_config
from atlop.experiments.plan import read_plan

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
ENCODERS = {
    "bert-base": "bert-base-cased",
    "roberta-large": "roberta-large",
    "scibert": "allenai/scibert_scivocab_cased",
    "minilm": "sentence-transformers/all-MiniLM-L6-v2",
}
WIKIPEDIA, BIOMEDICAL = ("docred", "redocred"), ("cdr", "gda")
DEV = {"docred": "dev.json", "redocred": "dev_revised.json", "cdr": "dev_filter.data", "gda": "dev.data"}
GRID = [(corpus, encoder) for corpus in (*WIKIPEDIA, *BIOMEDICAL) for encoder in ENCODERS]


def load(corpus: str, encoder: str) -> TrainingConfig:
    return load_training_config(CONFIGS / f"{corpus}-{encoder}.yaml")


def test_the_grid_is_whole() -> None:
    grid = {f"{corpus}-{encoder}.yaml" for corpus, encoder in GRID}
    assert {path.name for path in CONFIGS.glob("*.yaml")} == {*grid, "bundled.yaml"}


@pytest.mark.parametrize(("row", "changes"), [("final", {"teachers": [], "epochs": 12}), ("final, distilled", {})])
def test_the_bundled_model_and_its_teacher_are_rows_of_its_sweep(row: str, changes: dict[str, Any]) -> None:
    config, data = load_training_config(CONFIGS / "bundled.yaml", changes), CONFIGS.parent / "data" / "docred"
    assert config.train_unlabelled == (data / "train_annotated.json", data / "test.json")
    overrides = {"train_unlabelled": list(config.train_unlabelled)}
    plan = read_plan(CONFIGS / "sweeps" / "redocred-final.yaml", overrides)
    (run,) = (run for run in plan.only([row]).runs if run.seed == config.seed)
    assert [*map(str, run.config.teachers)] == (["results/runs/final-66"] if config.teachers else [])
    assert dataclasses.replace(run.config, teachers=config.teachers) == config


@pytest.mark.parametrize(("corpus", "encoder"), GRID)
def test_a_configuration_is_what_its_name_says(corpus: str, encoder: str) -> None:
    config = load(corpus, encoder)
    data = CONFIGS.parent / "data"
    assert config.encoder == ENCODERS[encoder]
    assert config.train.parent == data / corpus
    assert config.dev == data / corpus / DEV[corpus]


@pytest.mark.parametrize(("corpus", "encoder"), GRID)
def test_a_configuration_begins_with_what_was_published_and_where_the_data_is(corpus: str, encoder: str) -> None:
    lines = (CONFIGS / f"{corpus}-{encoder}.yaml").read_text(encoding="utf-8").splitlines()
    end = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    comment = [line.removeprefix("#").strip() for line in lines[:end]]
    assert comment[0].startswith("ATLOP with ")
    assert sum(line.startswith(("Published: none found.", "Published, not measured here: ")) for line in comment) == 1
    assert sum(line.startswith("Data: ") for line in comment) == 1


@pytest.mark.parametrize(("corpus", "encoder"), GRID)
def test_a_configuration_says_only_what_the_file_is_for(corpus: str, encoder: str) -> None:
    """Everything else is the paper's value, which is the default."""
    settings = yaml.safe_load((CONFIGS / f"{corpus}-{encoder}.yaml").read_text(encoding="utf-8"))
    rates = {"encoder_learning_rate", "head_learning_rate", "epochs", "batch_size"}
    data = {"encoder", "train", "dev"}
    names = {"labels", "label_names"} if corpus in WIKIPEDIA else {"model"}
    others = {"dev_pubtator"} if corpus == "cdr" else {"gradient_accumulation"} if corpus == "gda" else set()
    assert set(settings) == rates | data | names | others


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("corpus", WIKIPEDIA)
def test_many_relations_take_the_parts_of_the_paper(corpus: str, encoder: str) -> None:
    config, data = load(corpus, encoder), CONFIGS.parent / "data" / "docred"
    assert config.model == ModelConfig(markers="shared", max_labels=4)
    assert (config.labels, config.label_names) == (data / "rel2id.json", data / "rel_info.json")


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("corpus", BIOMEDICAL)
def test_one_relation_takes_one_label_and_markers_for_each_mention(corpus: str, encoder: str) -> None:
    config = load(corpus, encoder)
    assert config.model == ModelConfig(markers="each", max_labels=1)
    assert config.labels is None


@pytest.mark.parametrize("encoder", ENCODERS)
def test_cdr_counts_as_biocreative_does_too(encoder: str) -> None:
    pubtator = CONFIGS.parent / "data" / "cdr" / "CDR_DevelopmentSet.PubTator.txt"
    assert load("cdr", encoder).dev_pubtator == pubtator


@pytest.mark.parametrize(
    ("corpus", "encoder", "rate", "epochs", "accumulation"),
    [
        ("docred", "bert-base", 5e-5, 30, 1),
        ("docred", "roberta-large", 3e-5, 30, 1),
        ("redocred", "bert-base", 5e-5, 30, 1),
        ("redocred", "roberta-large", 3e-5, 30, 1),
        ("cdr", "scibert", 2e-5, 30, 1),
        ("gda", "scibert", 2e-5, 10, 4),
    ],
)
def test_the_papers_runs(corpus: str, encoder: str, rate: float, epochs: int, accumulation: int) -> None:
    config = load(corpus, encoder)
    assert (config.encoder_learning_rate, config.head_learning_rate) == (rate, 1e-4)
    assert (config.epochs, config.batch_size, config.gradient_accumulation) == (epochs, 4, accumulation)
    assert (config.warmup, config.max_gradient_norm, config.weight_decay, config.seed) == (0.06, 1.0, 0.0, 66)
    assert config.adam_epsilon == 1e-6
    assert config.precision == "auto"


@pytest.mark.parametrize(
    ("corpus", "rates", "epochs"),
    [
        ("docred", (2e-4, 4e-4), 12),
        ("redocred", (2e-4, 4e-4), 12),
        ("cdr", (5e-5, 1e-4), 6),
        ("gda", (5e-5, 1e-4), 10),
    ],
)
def test_minilm_has_settings_of_its_own(corpus: str, rates: tuple[float, float], epochs: int) -> None:
    config = load(corpus, "minilm")
    assert (config.encoder_learning_rate, config.head_learning_rate) == rates
    assert (config.epochs, config.batch_size) == (epochs, 4)
