"""The example on Debian's tags: its data, its parts by hand, and a short run of the whole."""

from __future__ import annotations

import importlib
import math
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "debian_tags"
PAGE = (ROOT / "docs" / "multilabel.md").read_text(encoding="utf-8")
NAMES = ("compare", "data", "make_data")
ROW = re.compile(
    r"(cross-entropy|adaptive|independent) +(as trained|one, tuned|per label, tuned) +0\.\d+ +\d+ +"
    r"(0\.\d{4}) ± (0\.\d{4}) +(0\.\d{4}) ± (0\.\d{4})"
)
CUTS = ["as trained", "one, tuned", "per label, tuned"]


@pytest.fixture(scope="module")
def example() -> Iterator[dict[str, ModuleType]]:
    """The modules of the example, which import each other by their names alone, as scripts do."""
    sys.path.insert(0, str(EXAMPLE))
    yield {name: importlib.import_module(name) for name in NAMES}
    sys.path.remove(str(EXAMPLE))
    for name in NAMES:
        del sys.modules[name]


# Data


def test_the_data_is_small_and_whole(example: dict[str, ModuleType]) -> None:
    assert (EXAMPLE / "packages.tsv.gz").stat().st_size <= 500_000
    rows = example["data"].read_rows()
    assert len({row.name for row in rows}) == len(rows)
    assert all(row.source and row.description for row in rows)
    assert len(set().union(*(row.tags for row in rows))) == 100


def test_packages_of_one_source_stay_in_one_part(example: dict[str, ModuleType]) -> None:
    rows = example["data"].read_rows()
    parts = [{row.source for row in part} for part in example["data"].split(rows)]
    assert sum(len(part) for part in parts) == len({row.source for row in rows})
    assert [round(len(part) / sum(map(len, parts)), 1) for part in parts] == [0.6, 0.2, 0.2]


def test_the_data_is_made_of_the_index(example: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    index = """\
Package: b-tools
Source: b (1.2)
Filename: pool/main/b/b-tools.deb
Description: tools for B
Tag: role::program, use::{editing,viewing},
 works-with::text

Package: few
Filename: pool/main/f/few.deb
Description: with three tags, as two do not count
Tag: role::program, use::editing, x11::font, special::obsolete, culture::TODO

Package: untagged
Filename: pool/main/u/untagged.deb
Description: without tags

Package: other
Filename: pool/non-free/o/other.deb
Description: outside main
Tag: a::a, b::b, c::c, d::d

Package: a
Filename: pool/main/a/a.deb
Description: an editor
Tag: interface::x11, role::program, use::editing, works-with::text
"""
    make_data = example["make_data"]
    monkeypatch.setattr(make_data, "LABELS", 4)
    assert make_data.table(make_data.packages(index.splitlines(keepends=True))) == (
        "a\ta\tan editor\tinterface::x11 role::program use::editing works-with::text\n"
        "b\tb-tools\ttools for B\trole::program use::editing works-with::text\n"
    )


def test_an_unknown_facet_is_an_error(example: dict[str, ModuleType]) -> None:
    with pytest.raises(SystemExit, match=r"^no tags of \['colour'\]; facets: \['admin', "):
        example["data"].load_data(["colour"])


# Thresholds, losses and scores by hand


def test_the_best_cut_of_each_column(example: dict[str, ModuleType]) -> None:
    scores = np.array([[4, 1], [3, 1], [2, 1], [1, 0]], np.float32)
    labels = np.array([[1, 1], [0, 1], [1, 0], [0, 0]], bool)
    # First column: F1 2/3, 1/2, 4/5 and 2/3 for the best one to four. Second: three scores are equal, so all or none.
    assert example["compare"].best_cuts(scores, labels).tolist() == [1.5, 0.5]


def test_one_cut_for_all(example: dict[str, ModuleType]) -> None:
    scores = np.array([[4, 3], [2, 1]], np.float32)
    labels = np.array([[1, 1], [0, 0]], bool)
    assert example["compare"].one_tuned(scores, labels).tolist() == [2.5]


def test_f1_scores(example: dict[str, ModuleType]) -> None:
    chosen = np.array([[1, 0, 0], [1, 1, 0]], bool)
    labels = np.array([[1, 0, 0], [0, 1, 0]], bool)
    # Hits 1 and 1; predicted and true together 3 and 2, and none of the third label.
    micro, macro = example["compare"].f1_scores(chosen, labels)
    assert (micro, macro) == (pytest.approx(4 / 5), pytest.approx((2 / 3 + 1 + 0) / 3))


def test_the_independent_loss(example: dict[str, ModuleType]) -> None:
    loss = example["compare"].independent(torch.tensor([[1.0, 3.0, 2.0]]), torch.tensor([[True, False]]))
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-2)) + math.log(1 + math.e), abs=1e-6)


def test_settings_are_chosen_on_dev(example: dict[str, ModuleType]) -> None:
    compare = example["compare"]
    # The first is better on test, the second on dev in the mean of its two seeds.
    runs = [(0.1, 0.5, 0.9), (0.1, 0.6, 0.9), (0.2, 0.8, 0.3), (0.2, 0.4, 0.4)]
    found = [compare.Result("adaptive", "as trained", rate, 10, dev, test, 0.2) for rate, dev, test in runs]
    assert compare.chosen_on_dev(found) == [found[2:]]
    assert "0.3500 ± 0.0707" in compare.table(found)


# The whole, and the page on it


@pytest.mark.slow
def test_a_short_run_prints_the_table(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLE / "compare.py"), "--seeds", "1", "--epochs", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    first, header, *rows, last = done.stdout.splitlines()
    assert first == "packages: train 6916, dev 2321, test 2219; 100 tags, 5.64 a package"
    assert header.split() == ["loss", "threshold", "rate", "epochs", "micro-F1", "macro-F1"]
    found = [ROW.fullmatch(row) for row in rows]
    assert [match and match.groups()[:2] for match in found] == [
        (loss, cut) for loss in ("cross-entropy", "adaptive") for cut in CUTS
    ]
    # Far better than chance after two epochs, far from perfect; one seed has no deviation.
    assert all(match and 0.3 < float(match[3]) < 0.7 and 0.03 < float(match[5]) < 0.6 for match in found)
    assert all(match and match[4] == match[6] == "0.0000" for match in found)
    assert re.fullmatch(r"seeds: 1; \d+ seconds", last)


def test_the_page_shows_commands_that_exist(example: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = re.findall(r"^python examples/debian_tags/compare\.py.*$", PAGE, re.MULTILINE)
    assert shown
    for line in shown:
        monkeypatch.setattr(sys, "argv", shlex.split(line)[1:])
        assert example["compare"].arguments().seeds == 3


def test_the_page_shows_tables_as_they_are_printed() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith(("cross-entropy ", "adaptive ", "independent "))]
    assert len(rows) % 3 == 0
    assert all(ROW.fullmatch(row) for row in rows)


def test_the_code_of_the_page_runs() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    torch.manual_seed(0)
    exec(code, names)
    chosen = names["chosen"]
    assert isinstance(chosen, np.ndarray)
    assert (chosen.shape, chosen.dtype) == ((500, 10), bool)
