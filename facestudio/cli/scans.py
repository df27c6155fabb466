"""`facestudio scans FOLDER -o DIR`: a licensed copy of Stirling ESRC or FaceScape becomes sequences to train deep SfM on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facestudio.cli.console import out, running


def scans(
    folder: Annotated[Path, typer.Argument(help="Your own copy of the data set.")],
    output: Annotated[Path, typer.Option("--out", "-o", help="Folder for the sequences; a run that was stopped goes on.")],
    kind: Annotated[
        str,
        typer.Option(
            help="stirling: .obj scans; facescape: its registered models; facescape-photos: its calibrated photographs."
        ),
    ] = "stirling",
    all_expressions: Annotated[
        bool, typer.Option("--all-expressions", help="Of Stirling, not the neutral scans alone.")
    ] = False,
    step: Annotated[float, typer.Option(min=0.5, max=60.0, help="Degrees between the pictures of a circled scan.")] = 2.0,
    reach: Annotated[float, typer.Option(min=1.0, max=90.0, help="Degrees to each side.")] = 40.0,
    size: Annotated[int, typer.Option(min=64, max=1024, help="Pixels of a picture's side.")] = 384,
) -> None:
    """Render scans from a circling camera, as the deep SfM paper does, into a data set for facestudio train sfm."""
    with running() as (progress, cancel):
        from facestudio.pipeline.scan_sequences import make_sequences
        from facestudio.training.adaptors.sequences import SequenceConfig

        # The paper's camera: 500 pixels of focal length for 384 pixels of picture.
        config = SequenceConfig(step=step, reach=reach, size=size, focal=500.0 * size / 384.0)
        said = make_sequences(
            folder.expanduser(), output.expanduser(), kind, config, all_expressions, progress=progress, cancel=cancel
        )
    out.print(said, markup=False)
