"""Models whose modules are replaced, against the plain model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import torch

from atlop import kernels
from atlop.batches import collate
from atlop.checkpoint import Checkpoint
from atlop.features import Features
from atlop.kernels import attention, bilinear, describe, optimize
from atlop.kernels.linear import PackedLinear
from atlop.model.attention import attend
from atlop.windows import SpecialSubwords

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
MakeCheckpoint = Callable[..., Checkpoint]


@pytest.fixture
def features(make_features: Callable[..., Features]) -> list[Features]:
    return [make_features(24, [[1, 13], [20]], columns=4, seed=1), make_features(9, [[3], [6]], columns=4, seed=2)]


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Probe anew in every test, and after it."""
    probes = (kernels._fastest_linear, kernels._fastest_bilinear)
    for probe in probes:
        probe.cache_clear()
    yield
    for probe in probes:
        probe.cache_clear()


def choose(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make every probe choose the replacement of a name, where it is a candidate."""
    monkeypatch.setattr(kernels, "fastest", lambda makers, inputs: name if name in makers else next(iter(makers)))


@pytest.mark.parametrize("name", ["torch", "oneDNN", "few columns"])
@torch.no_grad()
def test_a_model_with_any_replacement_predicts_what_the_plain_model_predicts(
    name: str,
    make_checkpoint: MakeCheckpoint,
    features: list[Features],
    special: SpecialSubwords,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name == "oneDNN" and not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        pytest.skip("this build of torch has no oneDNN")
    monkeypatch.delenv("ATLOP_DISABLE", raising=False)
    choose(monkeypatch, name)
    model, batch = make_checkpoint().model, collate(features, special, 0).to("cpu")
    optimized = optimize(model, CPU, torch.float32, training=False)
    torch.testing.assert_close(optimized(batch).logits, model(batch).logits, atol=1e-5, rtol=1e-5)
    assert (describe(optimized)["linear layers"] == "torch") == (name != "oneDNN")


def test_a_training_model_shares_its_weights_and_learns_as_the_plain_one(
    make_checkpoint: MakeCheckpoint, features: list[Features], special: SpecialSubwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ATLOP_DISABLE", raising=False)
    batch, gradients = collate(features, special, 0).to("cpu"), []
    assert batch.labels is not None
    for training in (True, False):
        model = make_checkpoint().model
        used = optimize(model, CPU, torch.float32, training=True).eval() if training else model.eval()
        assert [id(weight) for weight in used.parameters()] == [id(weight) for weight in model.parameters()]
        assert list(used.state_dict()) == list(model.state_dict())
        used.loss(used(batch), batch.labels).backward()
        gradients.append({name: weight.grad for name, weight in model.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], atol=1e-5, rtol=1e-4)


def test_attention_and_the_bilinear_layer_are_replaced_in_training(
    make_checkpoint: MakeCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ATLOP_DISABLE", raising=False)
    model = make_checkpoint().model
    optimized = optimize(model, CPU, torch.float32, training=True)
    assert optimized.encoder.attend is attention.attend_with_dropout
    assert isinstance(optimized.bilinear, bilinear.RecomputingBilinear)
    assert model.encoder.attend is attend


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_nothing_is_replaced_when_kernels_are_disabled_or_the_device_is_no_cpu(
    training: bool, device: str, make_checkpoint: MakeCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    if device == "cpu":
        monkeypatch.setenv("ATLOP_DISABLE", "bf16,kernels")
    model = make_checkpoint().model
    optimized = optimize(model, torch.device(device), torch.float32, training=training)
    assert [type(module) for module in optimized.modules()] == [type(module) for module in model.modules()]
    assert optimized.encoder.attend is attend
    assert set(describe(optimized).values()) == {"torch"}


def test_without_the_private_operators_of_torch_everything_still_runs(
    make_checkpoint: MakeCheckpoint, features: list[Features], special: SpecialSubwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ATLOP_DISABLE", raising=False)
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace())
    monkeypatch.delattr(torch, "_softmax_backward_data")
    model, batch = make_checkpoint().model, collate(features, special, 0).to("cpu")
    predicting = optimize(model, CPU, torch.float32, training=False)
    assert "oneDNN" not in "".join(describe(predicting).values())
    with torch.inference_mode():
        torch.testing.assert_close(predicting(batch).logits, model(batch).logits, atol=1e-5, rtol=1e-5)
    training = optimize(model, CPU, torch.float32, training=True).train()
    assert training.encoder.attend is attend
    assert batch.labels is not None
    training.loss(training(batch), batch.labels).backward()


@pytest.mark.parametrize("training", [False, True])
def test_replacing_modules_draws_no_random_numbers(training: bool, make_checkpoint: MakeCheckpoint) -> None:
    model, before = make_checkpoint().model, torch.get_rng_state()
    optimize(model, CPU, torch.float32, training=training)
    assert torch.equal(torch.get_rng_state(), before)


def test_parts_are_described(make_checkpoint: MakeCheckpoint) -> None:
    model = make_checkpoint().model
    names = ["linear layers", "attention", "bilinear layer"]
    assert describe(model) == dict.fromkeys(names, "torch")
    assert kernels._called(PackedLinear.__new__(PackedLinear)) == "oneDNN, weights packed"


def test_a_bilinear_layer_of_many_columns_is_not_even_built_for_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[tuple[int, ...]] = []
    monkeypatch.setattr(kernels, "GroupedBilinear", lambda *sizes: built.append(sizes))
    assert kernels._fastest_bilinear(768, 5, torch.float32, 1) == "torch"
    assert not built


def test_a_bilinear_layer_of_large_blocks_is_probed_with_a_few_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[int, int] = {}
    monkeypatch.setattr(kernels, "fastest", lambda _, sides: seen.update({sides[0].shape[1]: len(sides[0])}) or "torch")
    monkeypatch.setattr(kernels, "BILINEAR_PRODUCTS", 2**14)
    for block in (4, 16, 256):
        kernels._fastest_bilinear(block, 2, torch.float32, 1)
    assert seen == {4: 512, 16: 64, 256: 1}
