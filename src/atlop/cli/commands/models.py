"""``train``, ``info``, ``export`` and ``import-reference``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from atlop.cli import options
from atlop.cli.startup import loading


def train(
    config: Annotated[Path, typer.Argument(help="YAML file with the settings of the run.")],
    output: Annotated[Path, typer.Option(help="Folder for the model; new or empty unless --resume is given.")],
    overrides: options.Overrides = None,
    init: Annotated[
        str | None,
        typer.Option(
            help="Model to start from, such as bundled; its relations need not be those of the training data."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in the output folder.")] = False,
    device: options.Device = "auto",
) -> None:
    """Train a model and keep the epoch with the best dev F1."""
    from atlop.config import load_training_config
    from atlop.folder import initial_config
    from atlop.yaml_settings import parse_overrides

    options.choice("--device", device, options.DEVICES)
    changes = parse_overrides(overrides or []) | ({"init": init} if init else {})
    settings = load_training_config(config, changes, inherit=initial_config)
    with loading():
        from atlop.cli.training import TrainingProgress, hide_bars, tell_teachers
        from atlop.training import train as run

    hide_bars()
    tell_teachers(settings)
    with closing(TrainingProgress()) as progress:
        best = run(settings, output, resume=resume, device=device, callbacks=[progress])
    parts = [f"Model in {output}"]
    if best:
        scores = ", ".join(f"{name.removeprefix('eval_')} {value:.4g}" for name, value in best.items())
        parts.append(f"best epoch: {scores}")
    if progress.documents:
        parts.append(progress.speed)
    typer.echo("; ".join(parts))


def info(
    model: options.ModelArgument = None, revision: options.Revision = None, device: options.Device = "auto"
) -> None:
    """Show the parts and sizes of a model, and what computes them on this machine."""
    options.choice("--device", device, options.DEVICES)
    folder = options.model_folder(model, revision)
    with loading():
        from atlop.backends.devices import choose_device
        from atlop.backends.pytorch import TorchBackend
        from atlop.checkpoint import load
        from atlop.cli.show import model_table
        from atlop.kernels import describe

        checkpoint = load(folder)
        backend = TorchBackend(checkpoint, device=choose_device(device), precision="auto")
    more = {"here": f"{backend.device.type}, {backend.precision}", **describe(backend.model)}
    typer.echo(model_table(folder, checkpoint, more))


def export(
    output: Annotated[Path, typer.Option(help="Folder for the exported model; new or empty.")],
    model: options.ModelArgument = None,
    to: Annotated[str, typer.Option(help="Format of the exported model: onnx.")] = "onnx",
    revision: options.Revision = None,
) -> None:
    """Export a model to a format that predicts without torch."""
    options.choice("--to", to, ("onnx",))
    options.check_empty(output)
    folder = options.model_folder(model, revision)
    with loading():
        from atlop.checkpoint import load
        from atlop.export import export_onnx

        checkpoint = load(folder)
    export_onnx(checkpoint, output)
    typer.echo(f"Exported model in {output}")


def import_reference(
    config: Annotated[Path, typer.Option(help="Folder with the encoder's config.json and tokenizer.")],
    weights: Annotated[Path, typer.Option(help="Checkpoint of the reference implementation: its state_dict.")],
    labels: Annotated[Path, typer.Option(help="The rel2id.json that the model was trained with.")],
    output: Annotated[Path, typer.Option(help="Folder for the model; new or empty.")],
) -> None:
    """Convert a checkpoint of the reference implementation to a model folder."""
    options.check_empty(output)
    with loading():
        from atlop.checkpoint import save
        from atlop.reference import load_reference

        checkpoint = load_reference(config, weights, labels)
    save(checkpoint, output)
    typer.echo(f"Model with {len(checkpoint.labels.relations)} relations in {output}")
