"""`facestudio demo`: reconstruct the sample triplet that FaceStudio ships."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facestudio.cli.console import out
from facestudio.cli.reconstruct import reconstruct
from facestudio.paths import resources_dir


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the result.")] = Path("out/sample"),
    head: Annotated[str, typer.Option(help="Head model: open, flame, or a model file.")] = "open",
) -> None:
    """Reconstruct the shipped sample subject and say where the head is."""
    sample = resources_dir() / "sample"
    photos = [sample / f"{view}.jpg" for view in ("left", "front", "right")]
    reconstruct(photos, output, cameras=sample / "cameras.json", head=head, name="sample")
    out.print(f"Open {output / 'report.html'} in a browser, or {output / 'sample.glb'} in Blender.", markup=False)
