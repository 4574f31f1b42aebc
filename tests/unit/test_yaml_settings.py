from __future__ import annotations

import pytest

from atlop.errors import ConfigError
from atlop.yaml_settings import parse_overrides


def test_overrides_are_read_as_yaml() -> None:
    texts = ["epochs=3", "model.max_labels=null", "report_to=[wandb]", "encoder=a=b", " seed = 1 "]
    assert parse_overrides(texts) == {
        "epochs": 3,
        "model.max_labels": None,
        "report_to": ["wandb"],
        "encoder": "a=b",
        "seed": 1,
    }


@pytest.mark.parametrize("value", ["2001-13-45", "!!int", "!!float", "!!bool x", "!!timestamp x"])
def test_an_override_that_the_parser_refuses_late_is_a_mistake(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_overrides([f"seed={value}"])
    assert caught.value.mistakes == (f"got 'seed={value}' (str), expected a value that YAML reads",)


def test_all_texts_that_are_no_overrides_are_told() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_overrides(["epochs", "seed=1", "=3", "seed=[1"])
    assert str(caught.value) == (
        "--set: 3 mistakes\n"
        "  - got 'epochs' (str), expected key=value\n"
        "  - got '=3' (str), expected key=value\n"
        "  - got 'seed=[1' (str), expected a value that YAML reads"
    )
