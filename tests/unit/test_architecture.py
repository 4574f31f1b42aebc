"""The house stays as it is drawn: layers, the size of the core, a light import, one public surface."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import atlop

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "atlop"


def test_imports_only_point_down() -> None:
    # In a process of its own, as the linter switches off the loggers that exist when it starts.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_core_can_be_read_in_one_sitting() -> None:
    sizes = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.glob("model/*.py")}
    assert "relation_model.py" in sizes
    assert sum(sizes.values()) < 500, sizes


@pytest.mark.slow
def test_without_kernels_the_model_passes_its_tests(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "atlop", ignore=shutil.ignore_patterns("kernels", "__pycache__"))
    assert not (tmp_path / "atlop" / "kernels").exists()
    tests = ["tests/unit/model/test_relation_model.py", "tests/unit/model/test_pairs.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    where = [sys.executable, "-c", "import atlop; print(atlop.__file__)"]
    found = subprocess.run(where, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert found.strip() == str(tmp_path / "atlop" / "__init__.py")


@pytest.mark.parametrize("heavy", ["torch", "transformers", "numpy"])
def test_importing_the_package_loads_no_heavy_library(heavy: str) -> None:
    code = f"import sys, atlop; dir(atlop); sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_are_sorted() -> None:
    assert list(atlop.__all__) == sorted(atlop.__all__)


def test_every_public_name_is_there() -> None:
    assert atlop.__all__
    for name in atlop.__all__:
        assert getattr(atlop, name) is not None
        assert name in dir(atlop)
