"""The tables of hand-made rows, to the letter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from atlop.experiments.block import Table, escaped
from atlop.experiments.results import Results, by_sweep
from atlop.experiments.row import Row
from atlop.experiments.tables import TABLES, TITLES, direction, signed, tables

MakeRow = Callable[..., Row]

PAPER = "arXiv 2010.11304"


@pytest.fixture
def results(make_row: MakeRow) -> Results:
    """A row of three seeds with F1 58, 60 and 62, one of two with 57 and 59, and one of a single seed with 55.5."""
    full = [make_row("full", seed, 56.0 + 2 * seed, published={"f1": 61.1, "source": PAPER}) for seed in (1, 2, 3)]
    other = {"published": {"f1": 60.1, "source": PAPER}, "note": "with group size 64"}
    one = {"published": {"f1": 57.3, "source": PAPER}, "version": "0.2.0", "minutes": 20.0}
    rows = [
        *full,
        *(make_row("a|b", seed, 55.0 + 2 * seed, **other) for seed in (1, 2)),
        make_row("one", 4, 55.5, **one),
    ]
    return by_sweep(rows)[0]


def markdown(results: Results, name: str) -> list[str]:
    return tables(results)[name].markdown().splitlines()


def test_scores(results: Results) -> None:
    assert markdown(results, "scores") == [
        "| Row | Seeds | F1 | Difference | F1 untuned | Precision | Recall | F1, offset per relation | Ign F1 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| full | 3 | 60.00 ± 2.00 |  | 57.00 | 65.00 | 55.00 | 61.00 | 58.00 |",
        "| a\\|b | 2 | 58.00 ± 1.41 | −2.00 | 55.00 | 63.00 | 53.00 | 59.00 | 56.00 |",
        "| one | 1 | 55.50 | −4.50 | 52.50 | 60.50 | 50.50 | 56.50 | 53.50 |",
        "",
        "a\\|b: with group size 64",
    ]


def test_a_score_that_is_missing(make_row: MakeRow) -> None:
    (results,) = by_sweep([make_row(breakdown={"ign_f1": None})])
    assert markdown(results, "scores")[2] == "| full | 1 | 60.00 |  | 57.00 | 65.00 | 55.00 | 61.00 | – |"


def test_seeds(results: Results) -> None:
    assert markdown(results, "seeds") == [
        "| Row | 1 | 2 | 3 | 4 |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| full | 58.00 | 60.00 | 62.00 | – |",
        "| a\\|b | 57.00 | 59.00 | – | – |",
        "| one | – | – | – | 55.50 |",
    ]


def test_one_seed_has_no_table_of_seeds(make_row: MakeRow) -> None:
    assert "seeds" not in tables(by_sweep([make_row("a", 1), make_row("b", 1)])[0])


def test_published(results: Results) -> None:
    assert markdown(results, "published") == [
        "| Row | F1 | Difference | Published F1 | Published difference | Same direction | Source |",
        "| --- | ---: | ---: | ---: | ---: | --- | --- |",
        f"| full | 60.00 ± 2.00 |  | 61.10 |  |  | {PAPER} |",
        f"| a\\|b | 58.00 ± 1.41 | −2.00 | 60.10 | −1.00 | within the deviation | {PAPER} |",
        f"| one | 55.50 | −4.50 | 57.30 | −3.80 | yes, one seed | {PAPER} |",
    ]


def test_published_differences_are_to_the_first_published_row(make_row: MakeRow) -> None:
    published = [{}, {"f1": 50.0, "source": "x"}, {"f1": 49.0, "source": "y"}]
    rows = [make_row(name, points=p, published=q) for name, p, q in zip("abc", (70.0, 60, 61), published, strict=True)]
    assert markdown(by_sweep(rows)[0], "published")[2:] == [
        "| b | 60.00 |  | 50.00 |  |  | x |",
        "| c | 61.00 | +1.00 | 49.00 | −1.00 | no, one seed | y |",
    ]


@pytest.mark.parametrize(
    ("ours", "published", "noise", "expected"),
    [
        (1.0, 2.0, 0.5, "yes"),
        (-1.0, -2.0, 0.5, "yes"),
        (1.0, -2.0, 0.5, "no"),
        (1.0, 0.0, 0.5, "no"),
        (0.4, 2.0, 0.5, "within the deviation"),
        (-0.4, 2.0, 0.5, "within the deviation"),
        (0.5, 2.0, 0.5, "yes"),
        (0.0, 2.0, 0.0, "no"),
    ],
)
def test_direction(ours: float, published: float, noise: float, expected: str) -> None:
    assert direction(ours, published, noise=noise) == expected


def test_breakdown(make_row: MakeRow) -> None:
    sizes = [{"entities": "1-10", "documents": 300, "f1": 0.7}, {"entities": "26+", "documents": 200, "f1": 0.5}]
    rows = [make_row(by_entities=sizes), make_row("small", points=50.0, by_entities=sizes[:1])]
    assert markdown(by_sweep(rows)[0], "breakdown") == [
        "| Row | Within a sentence | Across sentences | Frequent | Long tail | Evidence "
        "| 1-10 entities | 26+ entities |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| full | 66.00 | 50.00 | 63.00 | 53.00 | 40.00 | 70.00 | 50.00 |",
        "| small | 56.00 | 40.00 | 53.00 | 43.00 | 30.00 | 70.00 | – |",
        "",
        "Documents by entities: 300 with 1-10, 200 with 26+.",
    ]


def test_facts_that_a_corpus_does_not_have_are_left_out(make_row: MakeRow) -> None:
    """CDR has none of the frequent relations of DocRED, and no evidence."""
    kinds = {"intra_f1": 0.6, "inter_f1": 0.5, "frequent_f1": 0.0, "long_tail_f1": 0.55, "evidence_f1": 0.0}
    (results,) = by_sweep([make_row(breakdown=kinds, by_entities=[])])
    assert markdown(results, "breakdown")[0] == "| Row | Within a sentence | Across sentences |"


def test_calibration(results: Results) -> None:
    assert markdown(results, "calibration") == [
        "| Row | Error before | Error after |",
        "| --- | ---: | ---: |",
        "| full | 8.00 ± 0.00 | 1.00 ± 0.00 |",
        "| a\\|b | 8.00 ± 0.00 | 1.00 ± 0.00 |",
        "| one | 8.00 | 1.00 |",
    ]


def test_swing_is_the_mean_change_in_the_second_half(make_row: MakeRow) -> None:
    untuned, tuned = (0.9, 0.1, 0.5, 0.6, 0.4, 0.5), (0.1, 0.2, 0.5, 0.5, 0.52, 0.51)
    both = zip(untuned, tuned, strict=True)
    history = [{"epoch": float(n), "f1": f1, "tuned_f1": best} for n, (f1, best) in enumerate(both, start=1)]
    (results,) = by_sweep([make_row(history=history), make_row("one epoch", history=history[:1])])
    # From 0.6 to 0.4 to 0.5, and from 0.5 to 0.52 to 0.51.
    assert markdown(results, "swing")[2:] == ["| full | 15.00 | 1.50 |", "| one epoch | – | – |"]


def test_identifiers(make_row: MakeRow) -> None:
    counted = {"f1": 0.5, "precision": 0.6, "recall": 0.4}
    (results,) = by_sweep([make_row(by_identifier=counted), make_row("without")])
    assert markdown(results, "identifiers") == [
        "| Row | F1 | Precision | Recall |",
        "| --- | ---: | ---: | ---: |",
        "| full | 50.00 | 60.00 | 40.00 |",
    ]


def test_commands(results: Results) -> None:
    assert markdown(results, "commands") == [
        "```bash",
        "# full",
        "atlop train base.yaml --output runs/full --set seed=1",
        "# a|b",
        "atlop train base.yaml --output runs/a|b --set seed=1",
        "# one",
        "atlop train base.yaml --output runs/one --set seed=4",
        "```",
        "",
        "Trained on 2026-11-25 with seeds 1, 2, 3 and 4 on 1,500 documents, scored on 500 dev documents; x86_64 (AVX2, "
        "2 cores, torch 2.13.0, fp32); atlop 0.1.0 (1234567) and 0.2.0; 14 minutes per run on average.",
    ]


def test_several_days_and_machines(make_row: MakeRow) -> None:
    small = {
        "documents": {"train": 10, "dev": 5},
        "machine": {"processor": "arm64"},
        "date": "2026-11-23",
        "minutes": 7.5,
    }
    (results,) = by_sweep([make_row(), make_row("small", **small)])
    assert markdown(results, "commands")[-1] == (
        "Trained from 2026-11-23 to 2026-11-25 with seed 1 on 1,500 and 10 documents, scored on 500 and 5 dev "
        "documents; x86_64 (AVX2, 2 cores, torch 2.13.0, fp32) and arm64; "
        "atlop 0.1.0 (1234567); 10 minutes per run on average."
    )


def test_short_runs(make_row: MakeRow) -> None:
    (results,) = by_sweep([make_row(minutes=0.34)])
    assert markdown(results, "commands")[-1].endswith("; 0.3 minutes per run on average.")


def test_tables_without_data_are_not_there(make_row: MakeRow) -> None:
    assert list(tables(by_sweep([make_row()])[0])) == ["scores", "breakdown", "calibration", "swing", "commands"]
    assert "swing" not in tables(by_sweep([make_row(history=[])])[0])


def test_every_table_has_a_title() -> None:
    assert {*TITLES} == {*TABLES, "figures"}


@pytest.mark.parametrize(
    ("value", "expected"), [(1.234, "+1.23"), (-1.235, "−1.24"), (0.0, "0.00"), (-0.001, "0.00"), (0.004, "0.00")]
)
def test_differences_have_a_sign(value: float, expected: str) -> None:
    assert signed(value) == expected


def test_text_is_shown_as_it_is() -> None:
    assert escaped("a_b *c* `d` <e>\n[f] | & _g_") == r"a_b \*c\* \`d\` &lt;e&gt; \[f\] \| &amp; \_g\_"
    assert Table(("A", "B"), (("x", "y"),), text=("B",)).markdown() == "| A | B |\n| --- | --- |\n| x | y |"
