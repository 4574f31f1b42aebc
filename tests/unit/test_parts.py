from __future__ import annotations

import pytest

from atlop.errors import AtlopError
from atlop.parts import register


def test_a_setting_without_parts_is_told() -> None:
    with pytest.raises(AtlopError) as caught:
        register("pooling", "sum")
    known = "mention_pooling, context, interaction, thresholding, heads"
    assert str(caught.value) == f"setting: got 'pooling' (str), expected one of {known}"
