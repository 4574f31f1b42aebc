"""The tables of a sweep. All scores are in points; ± is the sample standard deviation over seeds.

Two decimals, as papers on DocRED print them: the deviation over seeds is a few tenths of a point, so with one decimal
half of it would be lost to rounding.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping

from atlop.experiments.block import Listing, Table, one_line
from atlop.experiments.results import Estimate, Group, Results, Score, entities_score, score, seed_score, swing

NONE = "–"
"""Shown where there is no score."""

INTRODUCTION = "Scores are those on the dev documents, in points; ± is the sample standard deviation over seeds."
"""What a reader of any table should know."""

TITLES = {
    "scores": "Scores",
    "seeds": "F1 of each seed",
    "published": "Differences beside the published ones",
    "breakdown": "F1 by kind of fact and size of document",
    "calibration": "Calibration error",
    "swing": "Change of F1 from epoch to epoch",
    "identifiers": "Scores by identifier",
    "figures": "Figures",
    "commands": "Commands",
}
"""The heading of each table, and of the figures, in the order of a report."""

BREAKDOWN: dict[str, Score] = {
    "Within a sentence": score("breakdown", "intra_f1"),
    "Across sentences": score("breakdown", "inter_f1"),
    "Frequent": score("breakdown", "frequent_f1"),
    "Long tail": score("breakdown", "long_tail_f1"),
    "Evidence": score("breakdown", "evidence_f1"),
    "Evidence, where annotated": score("breakdown", "annotated_evidence_f1"),
}


def points(value: float) -> str:
    """Format a score."""
    return f"{value:.2f}"


def signed(value: float) -> str:
    """Format a difference of scores."""
    sign = {"-": "−", "+": "+"}[f"{value:+.2f}"[0]]
    return f"{sign}{abs(value):.2f}" if round(value, 2) else "0.00"


def spread(estimate: Estimate | None) -> str:
    """Format a score with its deviation, if that is known."""
    if estimate is None or estimate.deviation is None:
        return mean(estimate)
    return f"{points(estimate.mean)} ± {points(estimate.deviation)}"


def mean(estimate: Estimate | None) -> str:
    """Format a score without its deviation."""
    return NONE if estimate is None else points(estimate.mean)


def scores(results: Results) -> Table:
    """Compare the rows of a sweep with the first one."""
    columns = (
        "Row",
        "Seeds",
        "F1",
        "Difference",
        "F1 untuned",
        "Precision",
        "Recall",
        "F1, offset per relation",
        "Ign F1",
    )
    lines = [
        (group.name, str(len(group.rows)), spread(group.f1), _difference(results, group), *_means(group))
        for group in results.groups
    ]
    notes = {group.name: row.note for group in results.groups for row in group.rows if row.note}
    return Table(columns, tuple(lines), notes=tuple(f"{name}: {note}" for name, note in notes.items()))


def _difference(results: Results, group: Group) -> str:
    first = results.groups[0]
    return "" if group is first else signed(group.f1.mean - first.f1.mean)


def _means(group: Group) -> list[str]:
    shown = (
        score("untuned", "f1"),
        score("tuned", "precision"),
        score("tuned", "recall"),
        score("per_relation", "f1"),
        score("breakdown", "ign_f1"),
    )
    return [mean(group.estimate(found)) for found in shown]


def seeds(results: Results) -> Table | None:
    """Show the F1 of each run: rows of a few seeds are better compared seed by seed than by their means."""
    columns = {str(seed): seed_score(seed) for seed in sorted({row.seed for row in results.rows})}
    if len(columns) == 1:
        return None
    lines = [(group.name, *(mean(group.estimate(found)) for found in columns.values())) for group in results.groups]
    return Table(("Row", *columns), tuple(lines))


def published(results: Results) -> Table | None:
    """Compare differences between rows with the published ones.

    Both are differences to the first row that has a published score, as only these differences mean the same.
    """
    groups = [group for group in results.groups if group.published]
    if not groups:
        return None
    columns = ("Row", "F1", "Difference", "Published F1", "Published difference", "Same direction", "Source")
    lines = [_beside_published(group, groups[0]) for group in groups]
    return Table(columns, tuple(lines), text=columns[-2:])


def _beside_published(group: Group, first: Group) -> tuple[str, ...]:
    theirs, source = group.published["f1"], str(group.published["source"])
    if group is first:
        return group.name, spread(group.f1), "", points(theirs), "", "", source
    ours, published = group.f1.mean - first.f1.mean, theirs - first.published["f1"]
    deviations = [one.f1.deviation for one in (first, group)]
    verdict = direction(ours, published, noise=sum(filter(None, deviations)))
    if None in deviations:
        verdict += ", one seed"
    return group.name, spread(group.f1), signed(ours), points(theirs), signed(published), verdict, source


def direction(ours: float, published: float, *, noise: float) -> str:
    """Return whether two differences have the same sign.

    Args:
        ours: our difference.
        published: the published difference.
        noise: the sum of the deviations of our two scores; a smaller difference has no direction.
    """
    if abs(ours) < noise:
        return "within the deviation"
    return "yes" if ours * published > 0 else "no"


def breakdown(results: Results) -> Table:
    """Show the F1 of some facts, and of documents by their number of entities.

    Kinds of facts that no row finds are left out: the corpus has no such facts, or does not annotate them.
    """
    entities = {f"{entities} entities": entities_score(entities) for entities in results.entities}
    columns = {**shown_breakdown(results), **entities}
    lines = [(group.name, *(mean(group.estimate(found)) for found in columns.values())) for group in results.groups]
    return Table(("Row", *columns), tuple(lines), notes=tuple(_documents_by_entities(results)))


def shown_breakdown(results: Results) -> dict[str, Score]:
    """Return the columns of the facts that the corpus has; without frequent facts, there is no long tail either."""
    present = {name: found for name, found in BREAKDOWN.items() if results.any(found)}
    if "Frequent" not in present:
        present.pop("Long tail", None)
    return present


def _documents_by_entities(results: Results) -> Iterable[str]:
    counts = {part["entities"]: part["documents"] for row in results.rows for part in row.by_entities}
    if counts:
        yield f"Documents by entities: {', '.join(f'{count} with {name}' for name, count in counts.items())}."


def calibration(results: Results) -> Table:
    """Show the calibration errors before and after the calibration."""
    found = score("tuned", "uncalibrated_error"), score("tuned", "calibration_error")
    lines = [(group.name, *(spread(group.estimate(error)) for error in found)) for group in results.groups]
    return Table(("Row", "Error before", "Error after"), tuple(lines))


def swings(results: Results) -> Table | None:
    """Show how much the dev F1 changes from one epoch to the next, sign ignored, in the second half of training."""
    untuned, tuned = swing("f1"), swing("tuned_f1")
    if not results.any(untuned):
        return None
    lines = [(g.name, spread(g.estimate(untuned)), spread(g.estimate(tuned))) for g in results.groups]
    return Table(("Row", "Untuned", "Tuned"), tuple(lines))


def identifiers(results: Results) -> Table | None:
    """Show the scores by identifier."""
    groups = [group for group in results.groups if any(row.by_identifier for row in group.rows)]
    if not groups:
        return None
    f1, *others = (score("by_identifier", name) for name in ("f1", "precision", "recall"))
    lines = [(g.name, spread(g.estimate(f1)), *(mean(g.estimate(found)) for found in others)) for g in groups]
    return Table(("Row", "F1", "Precision", "Recall"), tuple(lines))


def commands(results: Results) -> Listing:
    """List the command of each row, and say when, where and on what the rows were trained."""
    lines = [(f"# {one_line(group.name)}", one_line(group.rows[0].command)) for group in results.groups]
    return Listing("\n".join(line for pair in lines for line in pair), (origin(results),))


def origin(results: Results) -> str:
    """Say in one sentence how the rows of a sweep came to be."""
    rows = results.rows
    dates, seeds = sorted({row.date for row in rows}), sorted({row.seed for row in rows})
    when = f"from {dates[0]} to {dates[-1]}" if len(dates) > 1 else f"on {dates[0]}"
    with_seeds = f"{'seed' if len(seeds) == 1 else 'seeds'} {_listed(map(str, seeds))}"
    train, dev = (_listed(f"{row.documents[split]:,}" for row in rows) for split in ("train", "dev"))
    machines, versions = _listed(_machine(row.machine) for row in rows), _listed(row.version for row in rows)
    minutes = statistics.fmean(row.minutes for row in rows)
    trained = f"Trained {when} with {with_seeds} on {train} documents, scored on {dev} dev documents"
    return (
        f"{trained}; {machines}; atlop {versions}; {minutes:.{0 if minutes >= 10 else 1}f} minutes per run on average."
    )


def _machine(facts: Mapping[str, object]) -> str:
    """Describe a machine: its processor, and in brackets what else scores and times depend on."""
    forms = {"cores": "{} cores", "threads": "{} threads", "torch": "torch {}"}
    processor, *others = (forms.get(name, "{}").format(value) for name, value in facts.items())
    return f"{processor} ({', '.join(others)})" if others else processor


def _listed(parts: Iterable[str]) -> str:
    """Join the distinct parts of a sentence."""
    *most, last = dict.fromkeys(parts)
    return f"{', '.join(most)} and {last}" if most else last


def tables(results: Results) -> dict[str, Table | Listing]:
    """Return the tables for which a sweep has data, by name."""
    made = {name: make(results) for name, make in TABLES.items()}
    return {name: table for name, table in made.items() if table is not None}


TABLES: dict[str, Callable[[Results], Table | Listing | None]] = {
    "scores": scores,
    "seeds": seeds,
    "published": published,
    "breakdown": breakdown,
    "calibration": calibration,
    "swing": swings,
    "identifiers": identifiers,
    "commands": commands,
}
"""The tables by name; ``None`` where a sweep has nothing to show."""
