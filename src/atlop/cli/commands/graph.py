"""``graph``: one graph over many documents."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atlop.cli import options
from atlop.errors import AtlopError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from atlop.knowledge.store import GraphStore

ABILITY = "atlop graph"

app = typer.Typer(
    help="One graph over many documents: add them, remove them, ask, and export.",
    no_args_is_help=True,
    add_completion=False,
)

StoreArgument = Annotated[Path, typer.Argument(metavar="STORE", help="Folder of the graph.")]
NewStoreArgument = Annotated[
    Path, typer.Argument(metavar="STORE", help="Folder of the graph; created if it does not exist.")
]


@app.command()
def add(
    store: NewStoreArgument,
    inputs: options.Inputs,
    form: options.Form = None,
    on_error: options.OnError = "raise",
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace documents whose title is in the graph already.")
    ] = False,
    min_confidence: options.MinConfidence = 0.0,
) -> None:
    """Add the facts of documents to a graph: all of the documents, or none if the command fails or is stopped."""
    from atlop.cli.files import input_files, read_all, total_size
    from atlop.cli.progress import Tally, duration, progress_bar

    policy = options.choice("--on-error", on_error, options.ON_ERROR)
    options.fraction("--min-confidence", min_confidence)
    files = input_files(inputs, form=form, output=None)
    changing = _store_module().changing
    tally, started = Tally(total_size(files)), time.perf_counter()
    with ExitStack() as stack:
        changes = stack.enter_context(changing(store))
        for document in tally.shown(tally.noted(read_all(files, form=form, on_error=policy))):
            kept = tuple(r for r in document.relations if r.confidence is None or r.confidence >= min_confidence)
            changes.add(document.with_relations(kept), replace=replace)
        with progress_bar() as bar:
            bar.add_task("merging", total=None)
            stack.close()
    count = "1 document" if tally.documents == 1 else f"{tally.documents:,} documents"
    typer.echo(f"atlop: added {count} in {duration(time.perf_counter() - started)}", err=True)


@app.command()
def remove(
    store: StoreArgument,
    titles: Annotated[list[str], typer.Argument(metavar="TITLE...", help="Titles of documents in the graph.")],
) -> None:
    """Remove documents from a graph, which is then as if they had never been added."""
    module = _store_module()
    with module.opened(store):  # otherwise, changing would create the store
        pass
    with module.changing(store) as changes:
        for title in titles:
            changes.remove(title)


@app.command()
def query(
    store: StoreArgument,
    entity: Annotated[
        str | None, typer.Option(metavar="NAME", help="Facts about the entities with this name or identifier.")
    ] = None,
    relation: Annotated[
        str | None, typer.Option(metavar="NAME", help="Facts of a relation, such as P27 or 'country of citizenship'.")
    ] = None,
    path: Annotated[
        tuple[str, str] | None, typer.Option(metavar="NAME NAME", help="A shortest path between two entities.")
    ] = None,
    sparql: Annotated[str | None, typer.Option(metavar="QUERY", help="A SPARQL query.")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="The most facts to show.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask a graph for the facts about an entity, the facts of a relation, a path, or anything in SPARQL."""
    asked = {"--entity": entity, "--relation": relation, "--path": path, "--sparql": sparql}
    given = [option for option, value in asked.items() if value is not None]
    if len(given) != 1:
        raise AtlopError(f"got {' and '.join(given) or 'no question'}, expected one of {', '.join(asked)}")
    with _opened(store) as graph:
        from atlop.cli import answers

        if sparql is not None:
            _print_table(graph, sparql, as_json=as_json)
            return
        facts = answers.answered(graph, entity=entity, relation=relation, path=path, limit=limit)
        _print(facts.to_json() if as_json else facts.shown())


def _print_table(graph: GraphStore, query: str, *, as_json: bool) -> None:
    from atlop.cli import answers
    from atlop.knowledge.sparql import sparql

    found = sparql(graph.database, query)
    if isinstance(found, str):
        typer.echo(found, nl=False)
    else:
        _print([dict(zip(found.columns, row, strict=True)) for row in found.rows] if as_json else answers.table(found))


def _print(shown: list[dict[str, Any]] | RenderableType) -> None:
    from atlop.cli.show import console

    if isinstance(shown, list):
        typer.echo(json.dumps(shown, indent=1, ensure_ascii=False))
    else:
        console().print(shown)


@app.command()
def export(
    store: StoreArgument,
    to: Annotated[str, typer.Option(help=f"Form to write: {', '.join(options.GRAPHS)}.")],
    output: Annotated[Path, typer.Option(help="File to write; for neo4j a folder, which must be new or empty.")],
) -> None:
    """Write a graph in a form that another program reads, completely or not at all."""
    from atlop.cli.progress import progress_bar

    options.choice("--to", to, options.GRAPHS)
    with _opened(store) as graph:
        from atlop.knowledge.export import FOLDERS, write_graph
        from atlop.knowledge.export.registry import check_target
        from atlop.knowledge.graph import Graph

        check_target(output, to)
        if to not in FOLDERS or not output.is_dir():
            options.check_writable(output)
        titles = graph.titles()
        with progress_bar() as bar:
            sources = bar.track(map(graph.source, titles), total=len(titles), description=f"{len(titles):,} documents")
            write_graph(Graph.of(sources), output, to)


def _store_module() -> Any:
    """Import the store, which needs the packages of an extra.

    Raises:
        MissingExtraError: if they are not installed.
    """
    from atlop.knowledge.extra import needed_for

    with needed_for(ABILITY):
        from atlop.knowledge import store
    return store


def _opened(folder: Path) -> AbstractContextManager[GraphStore]:
    opened: Callable[[Path], AbstractContextManager[GraphStore]] = _store_module().opened
    return opened(folder)
