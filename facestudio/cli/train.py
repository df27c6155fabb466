"""`facestudio train NETWORK --data DIR --out DIR`: train a network on synthetic subjects. Stopped trainings go on by the same command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facestudio.cli.console import out as screen
from facestudio.cli.console import running

app = typer.Typer(no_args_is_help=True, help="Train the networks on synthetic subjects (see facestudio synth).")

Data = Annotated[Path, typer.Option("--data", help="Folder that facestudio synth fills; it may still be filling it.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for checkpoint, curve and weights; a training found there goes on.")]
Minutes = Annotated[float, typer.Option("--minutes", min=0.01, help="How long to train, earlier runs included.")]
HeldOut = Annotated[
    Path | None, typer.Option("--held-out", help="Another such folder, to judge on. Default: DATA_val, if there.")
]


@app.callback()
def networks() -> None:
    """Train the networks on synthetic subjects."""


@app.command()
def landmarks(
    data: Data,
    out: Out,
    minutes: Minutes = 45.0,
    held_out: HeldOut = None,
    begin: Annotated[Path | None, typer.Option("--begin", help="Weights of an earlier training to begin with.")] = None,
) -> None:
    """The dense landmarks: 800 points, how sure each is, and whether it is seen."""
    with running() as (progress, cancel):
        from facestudio.pipeline.train import train_landmarks

        held_out = held_out.expanduser() if held_out else None
        said = train_landmarks(data.expanduser(), out.expanduser(), minutes, held_out, progress, cancel, begin)
    screen.print(said, markup=False)


@app.command()
def sfm(
    data: Data,
    out: Out,
    config: Annotated[str, typer.Option(help="small: minutes on a CPU; paper: 384 pixels, 50 epochs, for a GPU.")] = "small",
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Train so long, instead of the configuration's own end.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Train so many steps, instead of its own end.")] = None,
    landmarks: Annotated[int | None, typer.Option(min=68, max=800, help="How many of the dense landmarks.")] = None,
    losses: Annotated[str, typer.Option(help="full, photometric or landmarks: the columns of the paper's ablation.")] = "full",
    size: Annotated[int | None, typer.Option(help="Pixels of the square pictures, instead of the configuration's own.")] = None,
    held_out: HeldOut = None,
) -> None:
    """The deep SfM networks: depth of a photo, motion between two. Data: facestudio synth --mode orbit --maps."""
    with running() as (progress, cancel):
        from facestudio.pipeline.train import train_sfm

        held_out = held_out.expanduser() if held_out else None
        said = train_sfm(
            data.expanduser(), out.expanduser(), config, minutes, steps, landmarks, losses, held_out, progress, cancel, size
        )
    screen.print(said, markup=False)


@app.command()
def mfnet(
    data: Data,
    out: Out,
    minutes: Minutes = 40.0,
    held_out: HeldOut = None,
    config: Annotated[str, typer.Option(help="small: what ships, for a processor; paper: the paper's ResNet-50.")] = "small",
    landmarks: Annotated[
        Path | None, typer.Option(help="Weights of the dense landmarks to begin with. Default: those that ship, if any.")
    ] = None,
    start: Annotated[Path | None, typer.Option(help="Weights of an MFNet to go on from.")] = None,
    deca: Annotated[
        Path | None, typer.Option(help="Your copy of deca_model.tar: its encoder starts the paper's trunk.")
    ] = None,
    stages: Annotated[str, typer.Option(help="Which of look, fusion, whole, self to run, separated by commas.")] = "",
    captures: Annotated[int | None, typer.Option(min=1, help="Most captures that are looked at.")] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of stage fusion, instead of its share of the minutes.")
    ] = None,
    photos: Annotated[
        Path | None,
        typer.Option(help="Photographs for stage self: your copy of Multi-PIE, or folders of left, front and right pictures."),
    ] = None,
    flow: Annotated[str, typer.Option(help="Optical flow of the paper's loss: dis, or raft (needs torchvision).")] = "dis",
    raft_weights: Annotated[
        Path | None, typer.Option(help="A state dict of torchvision's raft_large or raft_small, for --flow raft.")
    ] = None,
    without: Annotated[
        str, typer.Option(help="Terms of the paper's loss to leave out: flow, landmarks, eyes, lips, prior.")
    ] = "",
) -> None:
    """MFNet: the shape of the head straight from three pictures."""
    with running() as (progress, cancel):
        from facestudio.pipeline.train import MFNetRequest, train_mfnet

        run, left_out = (tuple(filter(None, given.split(","))) for given in (stages, without))
        request = MFNetRequest(
            config, minutes, landmarks, start, deca, run, captures, photos, flow, raft_weights, left_out, steps
        )
        said = train_mfnet(data.expanduser(), out.expanduser(), request, held_out, progress, cancel)
    screen.print(said, markup=False)


@app.command()
def raft(
    data: Annotated[Path, typer.Option("--data", help="Subjects of tests/benchmarks/make_synthetic_bench.py.")],
    out: Out,
    minutes: Minutes = 60.0,
    held_out: Annotated[int, typer.Option("--held-out", min=1, help="So many of the last subjects are only measured on.")] = 20,
    steps: Annotated[int | None, typer.Option(min=1, help="Train so many steps, instead of minutes.")] = None,
) -> None:
    """RAFT, the optical flow, on drawings of heads against photos (needs torchvision)."""
    with running() as (progress, cancel):
        from facestudio.pipeline.train import train_raft

        said = train_raft(data.expanduser(), out.expanduser(), minutes, held_out, progress, cancel, steps)
    screen.print(said, markup=False)
