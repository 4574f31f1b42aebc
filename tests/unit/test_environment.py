from __future__ import annotations

import pytest

from atlop.environment import disabled


@pytest.mark.parametrize("listed", ["kernels,bf16", "kernels, bf16", " bf16 ,kernels"])
def test_blanks_around_what_is_disabled_do_not_count(listed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLOP_DISABLE", listed)
    assert (disabled("kernels"), disabled("bf16"), disabled("fp32")) == (True, True, False)
