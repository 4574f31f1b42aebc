"""Bundle a trained model with the package: fp16 weights, the best offset, a model card with the scores measured here.

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
from atlop.training.offset import best_offset

from atlop import Document, RelationExtractor, evaluate, load, read
from atlop.checkpoint import load as load_checkpoint
from atlop.checkpoint import save
from atlop.evaluation import facts_of
from atlop.folder import BUNDLED, LABELS, load_labels
from atlop.training.states import write_json
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

The threshold offset, {offset:.3f}, has the best F1 on the dev documents; offset 0 is the model as trained. The scores
were measured on the dev documents, in fp32 with the stored fp16 weights, {date}. The best epoch and the offset were
selected on the same documents, so scores on unseen ones will be slightly lower. Published scores come from training on
all 3,053 documents and are not comparable.

| offset | F1 | Ign F1 | precision | recall | F1 within a sentence | F1 across sentences |
|---|---|---|---|---|---|---|
{rows}

Ign F1 ignores facts that are in the {train_documents} training documents.

## Limits

Trained on encyclopaedic English only. The 992 documents are not a random sample: five relations are over-represented.
Confidences are not calibrated.

## How to reproduce it

```
make bundled-model
```
"""


def load_bundled() -> RelationExtractor:
    """Load the bundled model in the precision that the card names."""
    return load(device="cpu", precision="fp32")


def score_row(extractor: RelationExtractor, dev: list[Document], train: list[Document]) -> str:
    """Score a model on the dev documents and return a row of the table."""
    scores = evaluate(dev, list(extractor.predict(dev)), train_facts=facts_of(train))
    shares = (scores.f1, scores.ign_f1 or 0, scores.precision, scores.recall, scores.intra.f1, scores.inter.f1)
    cells = [f"{extractor.backend.config.threshold_offset:.3f}", *(f"{100 * share:.2f}" for share in shares)]
    return f"| {' | '.join(cells)} |"


def add_type_constraints(train: list[Document]) -> None:
    """Add the types of the training documents to the bundled model; its weights stay as they are."""
    labels = dataclasses.replace(load_labels(BUNDLED), type_constraints=TypeConstraints.of(train))
    write_json(BUNDLED / LABELS, labels.to_json())


def tune(dev: list[Document]) -> None:
    """Set the offset of the bundled model to the best one on the dev documents."""
    checkpoint = load_checkpoint()
    offset = best_offset(load_bundled().scores(dev), dev, checkpoint.labels)
    config = dataclasses.replace(checkpoint.config, threshold_offset=round(offset, 3))
    save(dataclasses.replace(checkpoint, config=config), BUNDLED, dtype=torch.float16)


def write_card(run: Path, rows: list[str], dev: Path, train: Path) -> str:
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
        offset=checkpoint.config.threshold_offset,
        rows="\n".join(rows),
        **{name: settings[name] for name in ("epochs", "batch_size", "seed", "precision")},
    )


def main() -> None:
    """Bundle the model of a run, score it and write its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--dev", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(arguments.run)
    save(checkpoint, BUNDLED, dtype=torch.float16)
    dev, train = read(arguments.dev), read(arguments.train)
    # Runs of early versions did not store them.
    add_type_constraints(train)
    rows = [score_row(load_bundled(), dev, train)]
    tune(dev)
    rows.append(score_row(load_bundled(), dev, train))
    card = write_card(arguments.run, rows, arguments.dev, arguments.train)
    (BUNDLED / "README.md").write_text(card, encoding="utf-8")
    sys.stdout.write(card)


if __name__ == "__main__":
    main()
