"""Features of documents that no tokenizer made, for the parts that only see numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from torch import Tensor

    from atlop.features import Features
    from atlop.windows import SpecialSubwords

MakeFeatures = Callable[..., "Features"]
Loss = Callable[["Tensor", "Tensor"], "Tensor"]


@pytest.fixture(scope="session")
def special() -> SpecialSubwords:
    """``[CLS] text [SEP]``, with 3 for ``[CLS]`` and 2 for ``[SEP]``, and two 2 where a window breaks off."""
    from atlop.windows import SpecialSubwords

    return SpecialSubwords(prefix=(3,), suffix=(2,), break_suffix=(2, 2))


@pytest.fixture(scope="session")
def make_features(special: SpecialSubwords) -> MakeFeatures:
    """Make features of a document of so many subwords, which are random numbers from 4 to 49, so that 0 and 1 can pad.

    ``entities`` holds the places of each entity's mentions; ``columns`` asks for random labels.
    """
    from atlop.features import Features
    from atlop.windows import plan_windows

    def make(
        length: int,
        entities: Sequence[Sequence[int]] = (),
        *,
        window: int = 16,
        overlap: int = 4,
        pairs: Sequence[tuple[int, int]] | None = None,
        columns: int | None = None,
        seed: int = 0,
    ) -> Features:
        random = np.random.default_rng(seed)
        listed: Any = list(permutations(range(len(entities)), 2)) if pairs is None else pairs
        ids = random.integers(4, 50, length)
        ids[0], ids[-1] = special.prefix[0], special.suffix[0]
        return Features(
            title=f"Document {seed}",
            input_ids=ids,
            windows=tuple(plan_windows(length, window, special, overlap)),
            mention_starts=np.array([place for entity in entities for place in entity], dtype=np.int64),
            mention_entity=np.repeat(np.arange(len(entities)), [len(entity) for entity in entities]),
            entities=len(entities),
            entity_types=np.arange(len(entities)) % 3,
            # Sentences of five subwords between the special ones, of which every third is no word.
            sentences=np.array([-1, *(place // 5 for place in range(length - 2)), -1][:length]),
            words=np.array([-1, *(place if place % 3 else -1 for place in range(length - 2)), -1][:length]),
            shapes=random.integers(0, 12, length),
            pairs=np.array(listed, dtype=np.int64).reshape(-1, 2),
            labels=None if columns is None else random.random((len(listed), columns)) < 0.4,
            evidence=None if columns is None else random.random((len(listed), -(-(length - 2) // 5))) < 0.4,
            tags=None if columns is None else random.integers(-1, 5, length),
        )

    return make


@pytest.fixture
def check_loss() -> Callable[[Loss, Loss, Tensor, Tensor], None]:
    """Check a loss in single precision and its gradient against a slow formula in double precision."""

    def check(loss: Loss, slow: Loss, logits: Tensor, labels: Tensor) -> None:
        import torch

        ours, plain = logits.clone().requires_grad_(), logits.double().requires_grad_()
        found, expected = loss(ours, labels), slow(plain, labels)
        torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=0)
        found.backward()
        expected.backward()
        assert ours.grad is not None
        assert plain.grad is not None
        torch.testing.assert_close(ours.grad.double(), plain.grad, atol=1e-6, rtol=0)

    return check
