"""The tables of the page of results are those of the kept rows."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from atlop.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "results.md"


@pytest.mark.slow
def test_the_command_of_the_page_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    page = PAGE.read_text(encoding="utf-8")
    command = re.search(r"```bash\natlop (report .+)\n```", page)
    assert command
    shutil.copytree(PAGE.with_suffix(""), tmp_path / "docs" / "results")
    (tmp_path / "docs" / PAGE.name).write_text(page, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    arguments = [path for word in shlex.split(command[1]) for path in sorted(map(str, Path().glob(word))) or [word]]
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (tmp_path / "docs" / PAGE.name).read_text(encoding="utf-8") == page
