"""`facestudio synth`: photographs of people who do not exist, with everything known about them, to train networks on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facestudio.cli.console import out, running

_ASSETS = Path("../shared/data/makehuman_cc0")


def synth(
    output: Annotated[Path, typer.Option("--out", "-o", help="Folder for the data set.")],
    subjects: Annotated[int, typer.Option(min=1, help="How many people.")] = 100,
    size: Annotated[int, typer.Option(min=32, max=1024, help="Pixels of a picture's side.")] = 192,
    mode: Annotated[str, typer.Option(help="triplets: three webcams; orbit: virtual cameras around the head.")] = "triplets",
    frames: Annotated[int, typer.Option(min=2, help="Pictures of an orbit.")] = 12,
    sweep: Annotated[float, typer.Option(min=1.0, max=90.0, help="An orbit's reach to each side, degrees.")] = 60.0,
    maps: Annotated[bool, typer.Option("--maps", help="Depth, normals, parts and UV as well.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same data.")] = 1,
    per_shard: Annotated[int, typer.Option(min=1, help="People in one file.")] = 50,
    assets: Annotated[
        Path, typer.Option(help="MakeHuman's CC0 assets; without them, skins of our own making and no hair.")
    ] = _ASSETS,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    head: Annotated[str, typer.Option(help="Head model: open, or a model file.")] = "open",
    sheet: Annotated[Path | None, typer.Option(help="Also a picture of the first people, side by side.")] = None,
) -> None:
    """Make synthetic subjects, or go on making them where a run was stopped."""
    if mode not in ("triplets", "orbit"):
        raise typer.BadParameter("triplets or orbit", param_hint="--mode")
    with running() as (progress, cancel):
        from facestudio.pipeline.make_synthetic import make_synthetic
        from facestudio.training.synth.factory import FactoryConfig

        config = FactoryConfig(seed, subjects, mode, size, per_shard, frames, sweep, maps, head)
        made = make_synthetic(output.expanduser(), config, assets.expanduser(), workers, progress, cancel)
        if sheet is not None:
            from facestudio.training.synth.sheet import write_sheet

            write_sheet(output.expanduser(), sheet.expanduser())
    out.print(f"{made.pictures} pictures made, {made.shards} shards in {made.folder}", markup=False)
