"""Put a trained model into the package, with fp16 weights and a model card whose figures are measured here.

python scripts/bundle_model.py RUN --dev DEV.json --train TRAIN.json
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import shutil
import sys
from pathlib import Path

import torch

from atlop import Document, Scores, evaluate, load, read
from atlop.checkpoint import BUNDLED, save
from atlop.checkpoint import load as load_checkpoint
from atlop.evaluation import facts_of

CARD = """---
license: apache-2.0
language: en
library_name: atlop
pipeline_tag: token-classification
---

# redocred-minilm

ATLOP (Zhou et al., AAAI 2021) on the MiniLM encoder: finds 96 Wikidata relations between marked entities of English
documents. It is the model that `atlop predict` uses when no other is named.

| | |
|---|---|
| encoder | all-MiniLM-L6-v2 of sentence-transformers, 6 layers, width 384, Apache-2.0 |
| training documents | {train}: {train_documents} of the 3,053 of Re-DocRED (Tan et al., 2022), MIT |
| chosen by | F1 on the {dev_documents} documents of {dev} |
| training | {epochs} epochs, batch {batch_size}, seed {seed}, {precision}, {minutes:.0f} minutes of {machine} |
| weights | {megabytes:.1f} MB in fp16, {parameters:,} of them |
| licence | Apache-2.0 |

## Scores

On the dev documents, fp32 arithmetic with the stored fp16 weights, {date}. The best epoch was chosen on the same
documents, so a score on unseen ones will be a little lower. Published scores come from training on all 3,053 documents
and are not comparable.

| F1 | Ign F1 | precision | recall | F1 within a sentence | F1 across sentences |
|---|---|---|---|---|---|
| {f1:.2f} | {ign_f1:.2f} | {precision_score:.2f} | {recall:.2f} | {intra:.2f} | {inter:.2f} |

Ign F1 leaves out facts that the {train_documents} training documents hold.

## Limits

Trained on encyclopaedic English only. It was shown 992 documents that are not a random sample: five relations are
over-represented. It prefers silence to error: precision is higher than recall. Confidences are not calibrated.

## How to make it again

```
make bundled-model
```
"""


def measure(dev: list[Document], train: list[Document]) -> Scores:
    """Score the bundled model."""
    predicted = list(load(device="cpu").predict(dev))
    return evaluate(dev, predicted, train_facts=facts_of(train))


def write_card(run: Path, dev_path: Path, train_path: Path) -> str:
    """Give the model card of a run whose model is in the package."""
    settings = json.loads((run / "training.json").read_text(encoding="utf-8"))
    history = json.loads((run / "history.json").read_text(encoding="utf-8"))
    dev, train = read(dev_path), read(train_path)
    scores = measure(dev, train)
    return CARD.format(
        train=train_path.name,
        train_documents=len(train),
        dev=dev_path.name,
        dev_documents=len(dev),
        minutes=max(row.get("train_runtime", 0) for row in history) / 60,
        machine=f"{torch.get_num_threads()} {platform.machine()} cores",
        megabytes=(BUNDLED / "model.safetensors").stat().st_size / 1e6,
        parameters=sum(weight.numel() for weight in load_checkpoint().model.parameters()),
        date=datetime.date.today().isoformat(),
        f1=100 * scores.f1,
        ign_f1=100 * (scores.ign_f1 or 0),
        precision_score=100 * scores.precision,
        recall=100 * scores.recall,
        intra=100 * scores.intra.f1,
        inter=100 * scores.inter.f1,
        **{name: settings[name] for name in ("epochs", "batch_size", "seed", "precision")},
    )


def main() -> None:
    """Copy the model of a run, measure it and write its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--dev", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(arguments.run)
    shutil.rmtree(BUNDLED, ignore_errors=True)
    save(checkpoint, BUNDLED, dtype=torch.float16)
    card = write_card(arguments.run, arguments.dev, arguments.train)
    (BUNDLED / "README.md").write_text(card, encoding="utf-8")
    sys.stdout.write(card)


if __name__ == "__main__":
    main()
