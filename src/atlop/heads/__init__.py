"""Optional outputs of the model beside the relations, each a module of its own."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from atlop.model.relation_model import RelationOutput


class Head(nn.Module):
    """The base of parts registered under ``heads``.

    A head sees everything that the model computed. Where the model would not keep something, ``needs`` asks for it:
    ``sentences`` for context weights by sentence (``RelationOutput.contexts``), ``projections`` for query and key of
    the last layer (``RelationOutput.encoded``), and ``all_documents`` for documents without pairs in training.
    """

    needs: frozenset[str] = frozenset()

    def forward(self, output: RelationOutput) -> Any:
        """Return what the head finds."""
        raise NotImplementedError

    def loss(self, found: Any, output: RelationOutput) -> Tensor:
        """Return the head's loss, a scalar that is added to that of the relations.

        Args:
            found: the head's own output.
            output: that of the model.
        """
        raise NotImplementedError
