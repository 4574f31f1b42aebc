"""Bundle a trained model with the package: fp16 weights, calibrated, a model card with the scores measured here.

    python scripts/bundle_model.py RESULTS.jsonl ROW --seed SEED

The model is that of a finished run of a sweep whose models were kept.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from atlop import Document, RelationExtractor, Scores, evaluate, load, read
from atlop.calibration import Calibration
from atlop.checkpoint import load as load_checkpoint
from atlop.checkpoint import save
from atlop.evaluation import evaluate_end_to_end, facts_of
from atlop.experiments.plan import run_folder
from atlop.experiments.row import Row, read_rows
from atlop.experiments.sweep import RUNS
from atlop.extractor import PairScores
from atlop.folder import BUNDLED, write_calibration
from atlop.training.corpora import read_unlabelled
from atlop.training.states import CONFIG
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
| other documents | {unlabelled:,} of DocRED (Yao et al., 2019), MIT, whose relations the teachers labelled |
| teachers | models trained before on the same documents: {teachers} |
| selected by | F1 after tuning on the {dev_documents} documents of {dev} |
| training | from `{init}`, in {epochs} epochs, batch {batch_size}, seed {seed}, {minutes:.0f} minutes on {machine} |
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

trains the teachers, which are rows of the results in the documentation, and then this model. These runs took
{total:.0f} minutes together.
"""


RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results.md"
"""The page that also shows the scores."""


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


def stage(row: Row) -> str:
    """Return what the card says of a teacher."""
    f1, epochs = 100 * row.tuned["f1"], row.history[-1]["epoch"]
    return f"`{row.name}` (seed {row.seed}, {epochs:.0f} epochs, {row.minutes:.0f} minutes, F1 {f1:.2f})"


def write_card(row: Row, settings: dict[str, Any], before: list[Row], measured: Mapping[str, str | float]) -> str:
    """Return the model card of a run whose model is bundled.

    Args:
        row: the run.
        settings: its settings.
        before: the runs of its teachers.
        measured: what was measured of the bundled model.
    """
    dev, train, cores = Path(settings["dev"]), Path(settings["train"]), row.machine["threads"]
    checkpoint = load_checkpoint()
    known = [*read(train), *read(dev)]
    unlabelled = read_unlabelled([Path(path) for path in settings["train_unlabelled"]], known=known)
    return CARD.format(
        train=train.name,
        train_documents=row.documents["train"],
        unlabelled=len(unlabelled),
        teachers="; ".join(map(stage, before)),
        init=next(each.name for each in before if run_folder(*each.key) == Path(settings["init"]).name),
        minutes=row.minutes,
        total=sum(each.minutes for each in (row, *before)),
        machine=f"{'one core' if cores == 1 else f'{cores} cores'} of {row.machine['processor']}",
        dev=dev.name,
        dev_documents=row.documents["dev"],
        megabytes=(BUNDLED / "model.safetensors").stat().st_size / 1e6,
        parameters=sum(weight.numel() for weight in checkpoint.model.parameters()),
        date=datetime.date.today().isoformat(),
        **measured,
        **{name: settings[name] for name in ("epochs", "batch_size", "seed")},
    )


def main() -> None:
    """Bundle the model of a run, score it and write its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="results of the sweep, beside its models")
    parser.add_argument("row")
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()
    rows = {run_folder(*row.key): row for row in read_rows(arguments.results)}
    run = arguments.results.parent / RUNS / run_folder(arguments.row, arguments.seed)
    if run.name not in rows or not (run / CONFIG).exists():
        parser.error(f"{run}: no finished run, expected one whose model `atlop sweep --keep-models` kept")
    settings = json.loads((run / CONFIG).read_text(encoding="utf-8"))
    before = [rows[Path(teacher).name] for teacher in settings["teachers"]]
    save(load_checkpoint(run), BUNDLED, dtype=torch.float16)
    dev, train = read(settings["dev"]), read(settings["train"])
    measured = calibrate(dev, train) | {"levels": end_to_end(dev)}
    card = write_card(rows[run.name], settings, before, measured)
    (BUNDLED / "README.md").write_text(card, encoding="utf-8")
    RESULTS.write_text(with_scores(RESULTS.read_text(encoding="utf-8"), card), encoding="utf-8")
    sys.stdout.write(card)


if __name__ == "__main__":
    main()
