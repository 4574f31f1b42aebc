"""Bundle a trained model with the package: fp16 weights, calibrated, a model card with the scores measured here.

python scripts/bundle_model.py RUN --dev DEV.json --train TRAIN.json
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import sys
from pathlib import Path
from typing import Any

import torch

from atlop import Document, RelationExtractor, Scores, evaluate, load, read
from atlop.calibration import Calibration
from atlop.checkpoint import load as load_checkpoint
from atlop.checkpoint import save
from atlop.evaluation import evaluate_end_to_end, facts_of
from atlop.extractor import PairScores
from atlop.folder import BUNDLED, write_calibration
from atlop.training.corpora import read_unlabelled
from atlop.training.states import CONFIG, HISTORY
from atlop.training.tuning import Margins, TunedScores, score_by_halves, tune

CARD = """---
license: apache-2.0
language: en
library_name: atlop
pipeline_tag: token-classification
---

# redocred-minilm

ATLOP (Zhou et al., AAAI 2021) on the MiniLM encoder, with heads for mentions, entities and evidence: finds the entities
of an English text, 96 Wikidata relations between them, and the sentences that these can be read from. `atlop extract`
and `atlop predict` use it by default.

| | |
|---|---|
| encoder | all-MiniLM-L6-v2 of sentence-transformers, 6 layers, width 384, Apache-2.0 |
| training documents | {train}: {train_documents} of the 3,053 of Re-DocRED (Tan et al., 2022), MIT |
| other documents | {unlabelled:,} of DocRED (Yao et al., 2019), MIT, whose relations a teacher labelled |
| teacher | the same model, trained in {teacher[epochs]} epochs on the same documents, {teacher[minutes]:.0f} minutes |
| selected by | F1 after tuning on the {dev_documents} documents of {dev} |
| training | {epochs} epochs, batch {batch_size}, seed {seed}, {minutes:.0f} minutes on {machine} |
| weights | {megabytes:.1f} MB in fp16, {parameters:,} of them |
| licence | Apache-2.0 |

## Scores

Measured on the dev documents, in fp32 with the stored fp16 weights, {date}. The best epoch was selected on the same
documents, so scores on unseen ones will be slightly lower. Published scores come from training on all 3,053 documents
and are not comparable.

### Relations between the gold entities

The threshold offset, {offset:.3f}, and the confidence are fitted on all dev documents. For the second row they were
fitted on each half of the documents and scored on the other.

| | F1 | precision | recall | calibration error |
|---|---|---|---|---|
{rows}

As trained, Ign F1 is {ign_f1:.2f}, F1 within a sentence {intra:.2f} and across sentences {inter:.2f}. With the offset,
which was fitted on the same documents, they are {tuned_ign_f1:.2f}, {tuned_intra:.2f} and {tuned_inter:.2f}. Ign F1
ignores facts that are in the {train_documents} training documents. Evidence F1 is {tuned_evidence:.2f} by the scorer of
DocRED, which counts every sentence as wrong that is claimed for a fact without annotated evidence; without these facts,
it is {tuned_annotated_evidence:.2f}.

### From plain text

What `atlop extract` finds in the words of the dev documents. The levels are those of
[JEREX](https://arxiv.org/abs/2102.05980); for the last one, a fact counts if each of its clusters shares a mention with
the right one.

| | F1 | precision | recall |
|---|---|---|---|
{levels}

## Limits

Trained on encyclopaedic English only. The {train_documents} documents are not a random sample: five relations are
over-represented. Confidences are calibrated for documents like those of Re-DocRED whose entities are marked; on other
texts, and with entities that were found, they may be off.

## How to reproduce it

```
make bundled-model
```
"""


RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results.md"
"""The page that shows the scores as well."""


def with_scores(page: str, card: str) -> str:
    """Return the page of results with the scores of a model card."""
    scores = card.partition("## Scores\n\n")[2].partition("\n## Limits")[0]
    before, _, after = page.partition("<!-- card -->")
    return f"{before}<!-- card -->\n\n{scores}\n<!-- end -->{after.partition('<!-- end -->')[2]}"


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
    shares |= {"evidence": scores.evidence.f1, "annotated_evidence": scores.annotated_evidence.f1}
    return {prefix + name: 100 * share for name, share in shares.items()}


def score(extractor: RelationExtractor, found: list[PairScores], dev: list[Document], train: list[Document]) -> Scores:
    """Score what an extractor decodes from the scores of the dev documents."""
    both = zip(dev, found, strict=True)
    predicted = [document.with_relations(extractor.relations(scores)) for document, scores in both]
    return evaluate(dev, predicted, train_facts=facts_of(train))


def end_to_end(dev: list[Document]) -> str:
    """Return the rows of what the bundled model finds in the words of the dev documents."""
    levels = evaluate_end_to_end(dev, load_bundled().extract(dev)).levels()
    shares = {name: (counts.f1, counts.precision, counts.recall) for name, counts in levels.items()}
    return "\n".join(
        f"| {name} | {' | '.join(f'{100 * share:.2f}' for share in row)} |" for name, row in shares.items()
    )


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


def settings_of(run: Path) -> dict[str, Any]:
    """Return the settings of a run, and the minutes that it took."""
    settings: dict[str, Any] = json.loads((run / CONFIG).read_text(encoding="utf-8"))
    history = json.loads((run / HISTORY).read_text(encoding="utf-8"))
    return settings | {"minutes": max(row.get("train_runtime", 0) for row in history) / 60}


def write_card(run: Path, measured: dict[str, str | float], dev: Path, train: Path, machine: str) -> str:
    """Return the model card of a run whose model is bundled."""
    settings = settings_of(run)
    (teacher,) = settings["teachers"]
    checkpoint = load_checkpoint()
    known = [*read(train), *read(dev)]
    unlabelled = read_unlabelled([Path(path) for path in settings["train_unlabelled"]], known=known)
    return CARD.format(
        train=train.name,
        train_documents=len(read(train)),
        unlabelled=len(unlabelled),
        teacher=settings_of(Path(teacher)),
        dev=dev.name,
        dev_documents=len(read(dev)),
        machine=machine,
        megabytes=(BUNDLED / "model.safetensors").stat().st_size / 1e6,
        parameters=sum(weight.numel() for weight in checkpoint.model.parameters()),
        date=datetime.date.today().isoformat(),
        **measured,
        **{name: settings[name] for name in ("epochs", "batch_size", "seed", "minutes")},
    )


def main() -> None:
    """Bundle the model of a run, score it and write its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--dev", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    cores = f"{torch.get_num_threads()} cores of {platform.processor() or platform.machine()}"
    parser.add_argument("--machine", default=cores, help="where the run was trained, if not here")
    arguments = parser.parse_args()
    save(load_checkpoint(arguments.run), BUNDLED, dtype=torch.float16)
    dev, train = read(arguments.dev), read(arguments.train)
    measured = calibrate(dev, train) | {"levels": end_to_end(dev)}
    card = write_card(arguments.run, measured, arguments.dev, arguments.train, arguments.machine)
    (BUNDLED / "README.md").write_text(card, encoding="utf-8")
    RESULTS.write_text(with_scores(RESULTS.read_text(encoding="utf-8"), card), encoding="utf-8")
    sys.stdout.write(card)


if __name__ == "__main__":
    main()
