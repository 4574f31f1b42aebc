"""The configurations that are shipped: the whole grid is there, and each loads as what its name says."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

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
    assert {path.name for path in CONFIGS.glob("*.yaml")} == set(grid)


def test_the_models_that_a_row_of_the_final_sweep_needs_are_those_of_rows_before_it() -> None:
    before: set[str] = set()
    for run in read_plan(CONFIGS / "sweeps" / "redocred-final.yaml").runs:
        needed = {*map(str, run.config.teachers), *filter(None, [run.config.init])}
        assert needed <= before
        before.add(f"results/runs/{run.folder}")


def test_the_bundled_model_is_trained_after_its_teachers() -> None:
    rule = (CONFIGS.parent / "Makefile").read_text(encoding="utf-8").partition("BUNDLED_ROW := ")[2]
    bundled, _, recipe = rule.partition("\n")
    plan = read_plan(CONFIGS / "sweeps" / "redocred-final.yaml")
    trained = [
        run.folder
        for line in re.findall(r"^\tsweep (.+)$", recipe.replace("$(BUNDLED_ROW)", bundled), re.MULTILINE)
        for run in plan.only(*chosen(line)).runs
    ]
    (run,) = (run for run in plan.only([bundled]).runs if run.folder == trained[-1])
    assert {path.name for path in run.config.teachers} | {Path(run.config.init or "").name} == set(trained[:-1])


def chosen(line: str) -> tuple[list[str], list[int]]:
    """The rows and seeds that the options of a sweep choose."""
    words = shlex.split(line)
    both = list(pairwise(words))
    rows, seeds = ([value for name, value in both if name == option] for option in ("--row", "--seed"))
    return rows, [int(seed) for seed in seeds]


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
