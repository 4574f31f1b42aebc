"""Every replacement of :mod:`atlop.kernels`: its own gain, and that of a whole prediction or training step.

    python -m benchmarks.kernels --json

``own_gain`` is how many times faster a replacement is than what it replaces, at the sizes that MiniLM has on Re-DocRED;
``gain`` is that of the whole work, with the replacement against without it and all else as the probe chooses it.
``in_force`` says whether the probe chooses it on this machine. What does not run on this machine is left out.
"""

from __future__ import annotations

import argparse
import copy
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from unittest.mock import patch

import torch

from atlop import Document, RelationExtractor, kernels
from atlop.backends import workers
from atlop.backends.devices import has_bf16
from atlop.backends.pytorch import DTYPES, TorchBackend
from atlop.checkpoint import Checkpoint
from atlop.environment import DISABLE
from atlop.kernels import probe
from atlop.labels import LabelMap
from atlop.model.relation_model import RelationModel
from benchmarks import parts
from benchmarks.contenders import checkpoint_of, featurizer_of
from benchmarks.documents import documents
from benchmarks.measure import alternate, ratio
from benchmarks.parts import Form, Forms
from benchmarks.report import arguments, names, report
from benchmarks.textbook import batches
from benchmarks.train import DOCUMENTS_PER_UPDATE, product_updater

Row = dict[str, Any]

Switch = Callable[[], AbstractContextManager[object]]
"""Decides what replaces the modules of the models that are made within it."""

OFF = partial(patch.dict, os.environ, {DISABLE: "kernels"})
SINGLE = partial(patch.object, workers, "CPU_WORKERS", 1)


@dataclass(frozen=True)
class Work:
    """What is timed as a whole."""

    name: str
    """``prediction`` or ``training``."""
    precision: str
    checkpoint: Checkpoint
    texts: Sequence[Document]
    runs: int

    def backend(self) -> TorchBackend:
        """Return a backend with the model."""
        return TorchBackend(self.checkpoint, precision=self.precision)

    def make(self) -> Form:
        """Return what predicts the documents, or trains a copy of the model on them."""
        if self.name == "prediction":
            extractor = RelationExtractor(self.backend())
            return lambda: list(extractor.scores(self.texts))
        featurizer = featurizer_of(self.checkpoint)
        groups = [*batches([featurizer(text, labelled=True) for text in self.texts], DOCUMENTS_PER_UPDATE)]
        copied = replace(self.checkpoint, model=copy.deepcopy(self.checkpoint.model))
        update = product_updater(copied, device="cpu", precision=self.precision, dropout=True)
        return lambda: [*map(update, groups)]

    def gain(self, without: Switch, with_it: Switch = nullcontext) -> float:
        """Return how many times faster the work is with one switch than with another."""
        forms = {}
        for name, switch in {"without": without, "with": with_it}.items():
            with switch():
                forms[name] = self.make()
        return ratio(alternate(forms, runs=self.runs))

    def own_gain(self, forms: Forms, name: str) -> float:
        """Return how many times faster a replacement is than the plain module."""
        plain, *_ = forms
        with torch.inference_mode(self.name == "prediction"):
            return ratio(alternate({form: forms[form]() for form in (plain, name)}, runs=3 * self.runs))

    def row(self, part: str, name: str, gain: float, *, own: float | None = None, in_force: bool = True) -> Row:
        """Return a row of the result."""
        about = {"work": self.name, "precision": self.precision, "part": part, "replacement": name}
        return {**about, "own_gain": own, "gain": gain, "in_force": in_force}


def prediction_rows(work: Work) -> Iterator[Row]:
    """Measure the replacements for prediction, the worker threads, and all replacements together."""
    dtype = DTYPES[work.precision]
    yield from replaced(work, "linear layers", "_fastest_linear", parts.linear(dtype))
    few = replace(work, checkpoint=with_one_relation(work.checkpoint))
    yield from replaced(few, "bilinear layer", "_fastest_bilinear", parts.few_columns(dtype))
    yield work.row("batches", "worker threads", work.gain(SINGLE), in_force=workers.Workers().count > 1)
    yield work.row("all", "all kernels", work.gain(OFF))


def replaced(work: Work, part: str, chooser: str, forms: Forms) -> Iterator[Row]:
    """Measure the replacements of one part, each against the plain module.

    Args:
        work: what is timed as a whole.
        part: its name in :func:`atlop.kernels.describe`.
        chooser: the function of :mod:`atlop.kernels` that chooses among them.
        forms: the plain module and its replacements.
    """

    def choose(form: str) -> Switch:
        return partial(patch.object, kernels, chooser, lambda *sizes: form)

    plain, *others = forms
    usual = kernels.describe(work.backend().model)[part]
    for name in others:
        if not probe.runs(lambda form=forms[name]: form()()):  # type: ignore[misc]
            continue
        with choose(name)():
            in_force = kernels.describe(work.backend().model)[part] == usual
        # In a worker, as that is where it computes.
        own = workers.Workers().run(partial(work.own_gain, forms, name))
        yield work.row(part, name, work.gain(choose(plain), choose(name)), own=own, in_force=in_force)


def with_one_relation(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint with the same encoder and random weights for one relation, as in CDR."""
    transformer, labels = checkpoint.model.encoder.transformer, LabelMap(("CID",))
    return replace(checkpoint, model=RelationModel(transformer, checkpoint.config, len(labels)), labels=labels)


def training_rows(work: Work) -> Iterator[Row]:
    """Measure the replacements for training, and all of them together."""
    for part, (attribute, plain, forms) in parts.TRAINING.items():
        _, name = forms()
        if not probe.runs(forms()[name]()):
            continue
        gain = work.gain(partial(patch.object, kernels, attribute, plain))
        yield work.row(part, name, gain, own=work.own_gain(forms(), name))
    yield work.row("all", "all kernels", work.gain(OFF))


def parser() -> argparse.ArgumentParser:
    """Return the options of this benchmark."""
    options = arguments(__doc__)
    options.add_argument(
        "--precision", type=names, default=["fp32", "bf16"], help="separated by commas; bf16 only where there is bf16"
    )
    options.add_argument("--documents", type=int, default=32, help="documents of one timed prediction")
    options.add_argument("--training", type=int, default=8, help="documents of one timed training run")
    options.add_argument("--runs", type=int, default=5)
    return options


def compare(
    checkpoint: Checkpoint, texts: Sequence[Document], precisions: Sequence[str], *, training: int, runs: int
) -> list[Row]:
    """Measure all replacements at each precision that the processor has; train on the first documents."""
    rows: list[Row] = []
    for precision in precisions:
        if precision == "bf16" and not has_bf16(torch.device("cpu")):
            continue
        rows += prediction_rows(Work("prediction", precision, checkpoint, texts, runs))
        rows += training_rows(Work("training", precision, checkpoint, texts[:training], runs))
    return rows


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    torch.manual_seed(0)
    texts = documents(asked.documents, asked.data)
    rows = compare(checkpoint_of("minilm"), texts, asked.precision, training=asked.training, runs=asked.runs)
    report("kernels", {"replacements": rows}, asked)


if __name__ == "__main__":
    main()
