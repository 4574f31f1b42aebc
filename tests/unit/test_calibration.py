"""Offsets, confidences, and how both are stored in a model folder."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlop import folder as module
from atlop.calibration import Calibration
from atlop.checkpoint import Checkpoint, load, save
from atlop.documents import Document
from atlop.errors import CheckpointError
from atlop.extractor import load as load_extractor
from atlop.folder import BUNDLED, load_calibration, write_calibration

CURVE = ((-1.0, 0.2), (1.0, 0.6), (3.0, 0.6), (4.0, 1.0))
FIELDS = "bias, curve, offset, relation_offsets, scale"


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_by_default_nothing_moves_and_the_confidence_is_the_sigmoid() -> None:
    plain = Calibration()
    assert plain.offsets(["P1", "P2"]).tolist() == [0, 0, 0]
    values = np.array([-2.0, 0.0, 3.0], dtype=np.float32)
    assert plain.confidence(values).tolist() == pytest.approx([sigmoid(-2), 0.5, sigmoid(3)])


def test_a_relation_may_have_its_own_offset() -> None:
    offsets = Calibration(0.5, {"P2": -1.0, "P9": 7.0}).offsets(["P1", "P2", "P3"])
    assert offsets.tolist() == [0, 0.5, -1, 0.5]
    assert offsets.dtype == np.float32


def test_scale_and_bias_move_the_sigmoid() -> None:
    found = Calibration(scale=0.5, bias=-1).confidence(np.array([4.0, -2.0], dtype=np.float32))
    assert found.tolist() == pytest.approx([sigmoid(1), sigmoid(-2)])


@pytest.mark.filterwarnings("error")
def test_large_margins_do_not_overflow() -> None:
    found = Calibration(scale=10).confidence(np.array([-1e30, 1e30], dtype=np.float32))
    assert found.tolist() == [0, 1]


def test_a_curve_is_interpolated_and_constant_beyond_its_ends() -> None:
    found = Calibration(curve=CURVE).confidence(np.array([-9, -1, 0, 1, 2, 3.5, 4, 9], dtype=np.float32))
    assert found.tolist() == pytest.approx([0.2, 0.2, 0.4, 0.6, 0.6, 0.8, 1, 1])


def test_confidences_have_the_shape_of_the_margins() -> None:
    for calibration in (Calibration(), Calibration(curve=CURVE)):
        assert calibration.confidence(np.zeros((2, 3), np.float32)).shape == (2, 3)
        assert calibration.confidence(np.zeros(0, np.float32)).shape == (0,)


def test_what_is_stored_is_read_again() -> None:
    calibration = Calibration(0.5, {"P1": 0.25}, 2.0, -0.5, CURVE)
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


NUMBER, POINTS = "a finite number", "a list of [margin, confidence from 0 to 1], both ascending"
WRONG: list[tuple[Any, str]] = [
    ([], f"got [] (list), expected an object with {FIELDS}"),
    ({"ofset": 1}, f"got {{'ofset': 1}} (dict), expected an object with {FIELDS}"),
    ({"offset": "1"}, f"offset: got '1' (str), expected {NUMBER}"),
    ({"offset": True}, f"offset: got True (bool), expected {NUMBER}"),
    ({"scale": math.nan}, f"scale: got nan (float), expected {NUMBER}"),
    ({"scale": -1}, "scale: got -1 (int), expected a number that is not negative"),
    ({"bias": 10**400}, f"bias: got {'1' + '0' * 56}... (int), expected {NUMBER}"),
    ({"relation_offsets": [1]}, "relation_offsets: got [1] (list), expected an object with a number for each relation"),
    ({"relation_offsets": {"scale": None}}, f"relation_offsets.scale: got None (NoneType), expected {NUMBER}"),
    ({"curve": "ab"}, f"curve: got 'ab' (str), expected {POINTS}"),
    ({"curve": [[0, 0.5, 1]]}, f"curve: got [[0, 0.5, 1]] (list), expected {POINTS}"),
    ({"curve": [[0, None]]}, f"curve: got [[0, None]] (list), expected {POINTS}"),
    ({"curve": [[1, 0.5], [0, 0.6]]}, f"curve: got [[1, 0.5], [0, 0.6]] (list), expected {POINTS}"),
    ({"curve": [[0, 0.5], [1, 0.4]]}, f"curve: got [[0, 0.5], [1, 0.4]] (list), expected {POINTS}"),
    ({"curve": [[0, 1.5]]}, f"curve: got [[0, 1.5]] (list), expected {POINTS}"),
]


@pytest.mark.parametrize(("stored", "problem"), WRONG)
def test_damage_is_told(tmp_path: Path, stored: Any, problem: str) -> None:
    (tmp_path / "calibration.json").write_text(json.dumps(stored))
    with pytest.raises(CheckpointError) as caught:
        load_calibration(tmp_path)
    assert str(caught.value) == f"{tmp_path}/calibration.json: {problem}"


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000])
def test_a_file_that_is_no_json_is_told_once(tmp_path: Path, content: str) -> None:
    (tmp_path / "calibration.json").write_text(content)
    with pytest.raises(CheckpointError) as caught:
        load_calibration(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/calibration.json: not readable as JSON: ")
    assert str(caught.value).count("calibration.json") == 1


def make_old(folder: Path, **settings: object) -> None:
    """Make a model folder one of version 0.1."""
    stored = json.loads((folder / "atlop.json").read_text())
    stored["model"] = {name: value for name, value in stored["model"].items() if name != "interaction"} | settings
    (folder / "atlop.json").write_text(json.dumps(stored))
    (folder / "calibration.json").unlink()


def test_a_folder_of_version_0_1_predicts_the_same(
    make_checkpoint: Callable[..., Checkpoint], build_document: Callable[..., Document], tmp_path: Path
) -> None:
    save(make_checkpoint(max_labels=None), tmp_path)
    make_old(tmp_path, threshold_offset=-0.15, temperature=2.0)
    extractor = load_extractor(tmp_path, device="cpu", precision="fp32")
    document = build_document(["Ada wrote to the Lovelace ."], [(0, 0, 1)], [(0, 4, 5)], [(0, 1, 2)])
    (scores,) = extractor.scores([document])
    lead = scores.logits - scores.logits[:, :1]
    expected = {
        (*pair, f"P{column}"): sigmoid((float(lead[row, column]) - 0.15) / 2)
        for row, pair in enumerate(scores.pairs.tolist())
        for column in (1, 2, 3)
        if lead[row, column] - 0.15 > 0
    }
    assert 0 < len(expected) < lead[:, 1:].size
    found = {relation.fact: relation.confidence for relation in extractor.predict(document).relations}
    assert found == pytest.approx(expected)


def test_a_folder_of_version_0_1_without_these_settings_has_their_defaults(
    make_checkpoint: Callable[..., Checkpoint], tmp_path: Path
) -> None:
    save(make_checkpoint(), tmp_path)
    make_old(tmp_path)
    assert load(tmp_path).calibration == Calibration()


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"temperature": 0}, "threshold_offset 0.0 (float) and temperature 0 (int)"),
        ({"temperature": "2"}, "threshold_offset 0.0 (float) and temperature '2' (str)"),
        ({"threshold_offset": None}, "threshold_offset None (NoneType) and temperature 1.0 (float)"),
    ],
)
def test_damage_of_a_folder_of_version_0_1_is_told(
    make_checkpoint: Callable[..., Checkpoint], tmp_path: Path, settings: dict[str, object], found: str
) -> None:
    save(make_checkpoint(), tmp_path)
    make_old(tmp_path, **settings)
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path)
    problem = f"got {found}, expected two finite numbers, the second above 0"
    assert str(caught.value) == f"{tmp_path}/atlop.json: {problem}"


def test_a_calibration_is_replaced_and_nothing_else(make_checkpoint: Callable[..., Checkpoint], tmp_path: Path) -> None:
    save(make_checkpoint(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    write_calibration(tmp_path, Calibration(0.5, curve=CURVE))
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert load(tmp_path).calibration == Calibration(0.5, curve=CURVE)
    assert {name for name in before | after if before.get(name) != after.get(name)} == {"calibration.json"}


def test_a_failure_leaves_the_old_calibration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_calibration(tmp_path, Calibration(0.5))

    def fail(path: Path, _: object) -> None:
        path.write_text("{")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_write_json", fail)
    with pytest.raises(CheckpointError) as caught:
        write_calibration(tmp_path, Calibration(1.5))
    assert str(caught.value) == f"{tmp_path}: the calibration cannot be saved: No space left on device"
    assert load_calibration(tmp_path) == Calibration(0.5)
    assert [path.name for path in tmp_path.iterdir()] == ["calibration.json"]


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        write_calibration(tmp_path / "none", Calibration())
    assert str(caught.value) == f"{tmp_path}/none: the calibration cannot be saved: No such file or directory"


def test_the_bundled_model_is_calibrated() -> None:
    calibration = load_calibration(BUNDLED)
    assert calibration != Calibration()
    assert 10 < len(calibration.curve) <= 60
