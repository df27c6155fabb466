"""`facestudio evaluate DATASET -o DIR`: how far reconstructed heads are from the truth, beside the average head."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facestudio.cli.console import out, running
from facestudio.pipeline.engines import HELP


def evaluate(
    dataset: Annotated[
        Path, typer.Argument(help="Folder of heads: photos, cameras.json, truth.ply, face_region.npy, landmarks3d.json.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for meshes, tables and summary.json.")],
    calibrated: Annotated[bool, typer.Option("--calibrated", help="Give the cameras to the reconstruction.")] = False,
    engine: Annotated[str, typer.Option(help=HELP)] = "auto",
    quality: Annotated[str, typer.Option(help="Time for dense matching: draft, standard or full.")] = "standard",
    head: Annotated[str, typer.Option(help="Head model: open, flame, or a model file.")] = "open",
    heads: Annotated[str | None, typer.Option(help="Only these subjects, separated by commas.")] = None,
    protocol: Annotated[
        str, typer.Option(help="now; or fs-wild, fs-lab: MFNet on your licensed copy of FaceScape's benchmark.")
    ] = "now",
) -> None:
    """Reconstruct every triplet of a data set and measure the error in millimetres (NoW protocol)."""
    dataset, output = dataset.expanduser(), output.expanduser()
    if protocol != "now":
        with running() as (progress, cancel):
            from facestudio.pipeline.evaluate_facescape import evaluate_facescape

            said = evaluate_facescape(protocol, dataset, output, progress=progress, cancel=cancel)
        out.print(said, markup=False)
        return
    with running() as (progress, cancel):
        from facestudio.pipeline.evaluate_bench import evaluate_bench

        names = [n.strip() for n in heads.split(",") if n.strip()] if heads else None
        summary = evaluate_bench(
            dataset,
            output,
            calibrated=calibrated,
            head=head,
            engine=engine,
            quality=quality,
            heads=names,
            progress=progress,
            cancel=cancel,
        )
    out.print(summary.table(), markup=False)
    out.print(str(output / "report.html"), markup=False)
    if summary.failed:
        raise typer.Exit(1)
