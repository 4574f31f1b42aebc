"""Models made for prediction, and the choice of a precision."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from atlop.backends.predicting import choose_precision, predicting
from atlop.checkpoint import Checkpoint
from atlop.errors import AtlopError

CPU = torch.device("cpu")


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say what the processor multiplies in."""

    def can(*names: str) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(names, True))

    return can


@pytest.mark.parametrize(
    ("there", "expected"),
    [((), "fp32"), (("avx512_vnni",), "fp32"), (("avx512_bf16",), "bf16"), (("amx_bf16", "avx512_f"), "bf16")],
)
def test_auto_is_what_the_processor_multiplies_in(
    processor: Callable[..., None], there: tuple[str, ...], expected: str
) -> None:
    processor(*there)
    assert choose_precision("auto", CPU) == expected


@pytest.mark.parametrize(("supported", "expected"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_what_the_gpu_multiplies_in(supported: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported)
    assert choose_precision("auto", torch.device("cuda")) == expected


@pytest.mark.parametrize("name", ["fp32", "bf16", "int8"])
def test_a_precision_by_name_is_taken(processor: Callable[..., None], name: str) -> None:
    processor()
    assert choose_precision(name, CPU) == name


def test_int8_is_refused_elsewhere() -> None:
    with pytest.raises(AtlopError) as caught:
        choose_precision("int8", torch.device("cuda"))
    expected = "precision: got 'int8', expected auto, fp32 or bf16 on cuda; int8 is for processors"
    assert str(caught.value) == expected


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_the_model_itself_stays_as_it_is(tiny_checkpoint: Checkpoint, precision: str) -> None:
    model = tiny_checkpoint.model.train()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    made = predicting(model, CPU, precision)
    assert model.training
    assert not made.training
    assert not any(weight.requires_grad for weight in made.parameters())
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(after[name].equal(weight) and after[name].dtype == weight.dtype for name, weight in before.items())
    assert all(weight.requires_grad for weight in model.parameters())


def test_weights_that_are_not_changed_are_shared(tiny_checkpoint: Checkpoint) -> None:
    model = tiny_checkpoint.model
    made = predicting(model, CPU, "fp32")
    place = model.head.linear.weight.data_ptr()
    assert made.head.linear.weight.data_ptr() == place
