"""``tune``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlop.cli import options
from atlop.cli.startup import loading
from atlop.errors import AtlopError

if TYPE_CHECKING:
    from atlop.documents import Document
    from atlop.extractor import PairScores, RelationExtractor
    from atlop.training.tuning import Objective


def tune(
    model: Annotated[str, typer.Argument(help="Model folder, exported or not, whose calibration is replaced.")],
    dev: Annotated[Path, typer.Option(help="Documents with their relations, on which to fit.")],
    objective: Annotated[
        str,
        typer.Option(help="What to choose the offset for: f1, or as much as precision=NUMBER or recall=NUMBER allows."),
    ] = "f1",
    per_relation: Annotated[
        bool, typer.Option("--per-relation", help="Give every relation an offset of its own; for f1 only.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    device: options.Device = "auto",
    precision: options.Precision = "auto",
) -> None:
    """Fit the threshold offset and the confidence of a model on dev documents, and store them in its folder."""
    options.choice("--device", device, options.DEVICES)
    options.choice("--precision", precision, options.PRECISIONS)
    folder = _own_folder(model)
    with loading():
        from atlop.cli.show import tuning_table
        from atlop.extractor import load
        from atlop.folder import CALIBRATION, write_calibration
        from atlop.training.tuning import Objective, check_options

    aim = Objective.parse(objective)
    check_options(aim, per_relation=per_relation)
    options.check_writable(folder / CALIBRATION)
    with loading():
        extractor = load(folder, device=device, precision=precision)
    gold = _labelled(dev, extractor)
    found = _fitted(extractor, _scores(extractor, gold), gold, aim, per_relation=per_relation)
    write_calibration(folder, found["calibration"])
    shown = {**found, "calibration": found["calibration"].to_json()}
    typer.echo(json.dumps(shown, indent=1, ensure_ascii=False) if as_json else tuning_table(found, folder))


def _own_folder(name: str) -> Path:
    """Return a model folder that may be changed.

    Raises:
        AtlopError: if it is not a folder of this machine, or is the bundled model.
    """
    from atlop.folder import BUNDLED, find_folder

    if Path(name).exists():
        folder = find_folder(name)
    else:
        expected = "expected a model folder, as its calibration is replaced; download a model of the hub first"
        raise AtlopError(f"model {name!r}: no such folder; {expected}")
    if folder.resolve() == BUNDLED.resolve():
        problem = "is the bundled model, which stays as it is; copy the folder and tune the copy"
        raise AtlopError(f"model {name!r}: {problem}")
    return folder


def _labelled(dev: Path, extractor: RelationExtractor) -> list[Document]:
    """Read the dev documents and check that the model can find some of their relations.

    Raises:
        DataError: if they cannot be read.
        ScoringError: if they contain no relation that the model knows.
    """
    from atlop.formats import read
    from atlop.training.corpora import check_gold

    gold, labels = list(read(dev)), extractor.backend.labels
    check_gold(dev, gold, labels)
    unknown = sorted({r.relation for document in gold for r in document.relations} - set(labels.relations))
    if unknown:
        names = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
        typer.echo(f"atlop: warning: {dev}: the model does not know {names}, whose facts count as missed", err=True)
    return gold


def _scores(extractor: RelationExtractor, gold: list[Document]) -> list[PairScores]:
    """Score documents and show a progress bar in a terminal."""
    from atlop.cli.progress import progress_bar

    with progress_bar() as bar:
        return list(bar.track(extractor.scores(gold), total=len(gold), description=f"{len(gold):,} documents"))


def _fitted(
    extractor: RelationExtractor,
    scores: list[PairScores],
    gold: list[Document],
    objective: Objective,
    *,
    per_relation: bool,
) -> dict[str, Any]:
    """Return the calibration and the scores as trained and as tuned."""
    from atlop.calibration import Calibration
    from atlop.training import tuning

    labels = extractor.backend.labels
    chosen: dict[str, Any] = {"objective": objective, "per_relation": per_relation}
    margins = tuning.Margins.of(scores, gold, labels)
    calibration = tuning.tune(margins, labels, **chosen)
    tuned = dataclasses.asdict(tuning.score_by_halves(scores, gold, labels, **chosen))
    counts, error = margins.counts(Calibration(), labels), tuned.pop("uncalibrated_error")
    plain = {"f1": counts.f1, "precision": counts.precision, "recall": counts.recall, "calibration_error": error}
    return {"calibration": calibration, "as_trained": plain, "tuned_by_halves": tuned}
