"""Adaptive thresholding for any multi-label task: the loss of the model, on its own.

    >>> from atlop.decoding import decode
    >>> from atlop.multilabel import AdaptiveThresholdLoss
    >>> loss = AdaptiveThresholdLoss()(logits, labels)  # logits [N, C+1], labels [N, C]
    >>> chosen = decode(logits.detach().numpy())[:, 1:]  # [N, C], True where an example has a label

N is the number of examples and C that of labels. A model has one output more than there are labels: column 0 of its
logits is the threshold, which it learns for each example.
"""

from __future__ import annotations

from torch import Tensor, nn

from atlop.model.scores import AdaptiveThreshold


class AdaptiveThresholdLoss(nn.Module):
    """Ranks the labels that each example has above its threshold, and all others below it (paper equations 6 and 7).

    It takes the place of ``torch.nn.BCEWithLogitsLoss``. An example may have any number of labels, or none.
    """

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss in fp32, a scalar: the mean over examples, 0 if there are none.

        Args:
            logits: [N, C+1] of any floating dtype; column 0 is the threshold.
            labels: [N, C] of any dtype, without a column for the threshold; anything but 0 means that the example
                has the label.

        Raises:
            ValueError: if the shapes do not fit.
        """
        _check_shapes(list(logits.shape), list(labels.shape))
        return AdaptiveThreshold.loss(logits, nn.functional.pad(labels.bool(), (1, 0)))


def _check_shapes(logits: list[int], labels: list[int]) -> None:
    if len(logits) != 2 or logits[1] < 2:
        raise ValueError(f"got logits {logits}, expected [N, C+1]: the threshold and at least one label in each row")
    expected = [logits[0], logits[1] - 1]
    if labels != expected:
        hints = {1: "; give each example a row of 0 and 1, not the index of its label"}
        hint = "; leave out the column of the threshold" if labels == logits else hints.get(len(labels), "")
        raise ValueError(f"got labels {labels} with logits {logits}, expected labels {expected}{hint}")
