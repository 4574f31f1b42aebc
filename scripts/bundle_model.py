"""Bundle a trained model with the package: fp16 weights, calibrated, a model card with the scores measured here.

python scripts/bundle_model.py RUN --dev DEV.json --train TRAIN.json
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import platform
import sys
from pathlib import Path

import torch

from atlop import Document, RelationExtractor, Scores, evaluate, load, read
from atlop.calibration import Calibration
from atlop.checkpoint import load as load_checkpoint
from atlop.checkpoint import save
from atlop.evaluation import facts_of
from atlop.extractor import PairScores
from atlop.folder import BUNDLED, LABELS, load_labels, write_calibration
from atlop.training.states import write_json
from atlop.training.tuning import Margins, TunedScores, score_by_halves, tune
from atlop.type_constraints import TypeConstraints

CARD = """---
license: apache-2.0
language: en
library_name: atlop
pipeline_tag: token-classification
---

# redocred-minilm

ATLOP (Zhou et al., AAAI 2021) on the MiniLM encoder: finds 96 Wikidata relations between marked entities in English
documents. `atlop predict` uses it by default.

| | |
|---|---|
| encoder | all-MiniLM-L6-v2 of sentence-transformers, 6 layers, width 384, Apache-2.0 |
| training documents | {train}: {train_documents} of the 3,053 of Re-DocRED (Tan et al., 2022), MIT |
| selected by | F1 on the {dev_documents} documents of {dev} |
| training | {epochs} epochs, batch {batch_size}, seed {seed}, {precision}, {minutes:.0f} minutes of {machine} |
| weights | {megabytes:.1f} MB in fp16, {parameters:,} of them |
| licence | Apache-2.0 |

## Scores

Measured on the dev documents, in fp32 with the stored fp16 weights, {date}. The threshold offset, {offset:.3f}, and the
confidence are fitted on all dev documents. For the second row they were fitted on each half of the documents and scored
on the other. The best epoch was selected on the same documents, so scores on unseen ones will be slightly lower.
Published scores come from training on all 3,053 documents and are not comparable.

| | F1 | precision | recall | calibration error |
|---|---|---|---|---|
{rows}

As trained, Ign F1 is {ign_f1:.2f}, F1 within a sentence {intra:.2f} and across sentences {inter:.2f}. With the offset,
which was fitted on the same documents, they are {tuned_ign_f1:.2f}, {tuned_intra:.2f} and {tuned_inter:.2f}. Ign F1
ignores facts that are in the {train_documents} training documents.

## Limits

Trained on encyclopaedic English only. The 992 documents are not a random sample: five relations are over-represented.
Confidences are calibrated for documents like those of Re-DocRED; on other texts they may be off.

## How to reproduce it

```
make bundled-model
```
"""


def load_bundled() -> RelationExtractor:
    """Load the bundled model in the precision that the card names."""
    return load(device="cpu", precision="fp32")


def table(scores: Scores, tuned: TunedScores) -> str:
    """Return the rows of the scores as trained and tuned by halves."""
    rows = {
        "as trained": (scores.f1, scores.precision, scores.recall, tuned.uncalibrated_error),
        "tuned, by halves": (tuned.f1, tuned.precision, tuned.recall, tuned.calibration_error),
    }
    shares = {name: " | ".join(f"{100 * share:.2f}" for share in row) for name, row in rows.items()}
    return "\n".join(f"| {name} | {row} |" for name, row in shares.items())


def distances(scores: Scores, prefix: str = "") -> dict[str, float]:
    """Return the scores that the text of the card names."""
    shares = {"ign_f1": scores.ign_f1 or 0, "intra": scores.intra.f1, "inter": scores.inter.f1}
    return {prefix + name: 100 * share for name, share in shares.items()}


def score(extractor: RelationExtractor, found: list[PairScores], dev: list[Document], train: list[Document]) -> Scores:
    """Score what an extractor decodes from the scores of the dev documents."""
    both = zip(dev, found, strict=True)
    predicted = [document.with_relations(extractor.relations(scores)) for document, scores in both]
    return evaluate(dev, predicted, train_facts=facts_of(train))


def add_type_constraints(train: list[Document]) -> None:
    """Add the types of the training documents to the bundled model; its weights stay as they are."""
    labels = dataclasses.replace(load_labels(BUNDLED), type_constraints=TypeConstraints.of(train))
    write_json(BUNDLED / LABELS, labels.to_json())


def calibrate(dev: list[Document], train: list[Document]) -> dict[str, str | float]:
    """Fit the calibration of the bundled model on the dev documents, and return what the card says of it."""
    extractor = load_bundled()
    found, labels = list(extractor.scores(dev)), extractor.backend.labels
    extractor.calibration = Calibration()
    scores = score(extractor, found, dev, train)
    extractor.calibration = tune(Margins.of(found, dev, labels), labels)
    write_calibration(BUNDLED, extractor.calibration)
    tuned = distances(score(extractor, found, dev, train), "tuned_")
    rows = table(scores, score_by_halves(found, dev, labels))
    return {"offset": extractor.calibration.offset, "rows": rows, **distances(scores), **tuned}


def write_card(run: Path, measured: dict[str, str | float], dev: Path, train: Path) -> str:
    """Return the model card of a run whose model is bundled."""
    settings = json.loads((run / "training.json").read_text(encoding="utf-8"))
    history = json.loads((run / "history.json").read_text(encoding="utf-8"))
    checkpoint = load_checkpoint()
    return CARD.format(
        train=train.name,
        train_documents=len(read(train)),
        dev=dev.name,
        dev_documents=len(read(dev)),
        minutes=max(row.get("train_runtime", 0) for row in history) / 60,
        machine=f"{torch.get_num_threads()} {platform.machine()} cores",
        megabytes=(BUNDLED / "model.safetensors").stat().st_size / 1e6,
        parameters=sum(weight.numel() for weight in checkpoint.model.parameters()),
        date=datetime.date.today().isoformat(),
        **measured,
        **{name: settings[name] for name in ("epochs", "batch_size", "seed", "precision")},
    )


def main() -> None:
    """Bundle the model of a run, score it and write its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--dev", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    arguments = parser.parse_args()
    save(load_checkpoint(arguments.run), BUNDLED, dtype=torch.float16)
    dev, train = read(arguments.dev), read(arguments.train)
    # Runs of early versions did not store them.
    add_type_constraints(train)
    card = write_card(arguments.run, calibrate(dev, train), arguments.dev, arguments.train)
    (BUNDLED / "README.md").write_text(card, encoding="utf-8")
    sys.stdout.write(card)


if __name__ == "__main__":
    main()
