"""All verbs of the command line, gathered."""

from __future__ import annotations

from typing import Annotated

import typer

from facestudio import __version__
from facestudio.cli import app as window
from facestudio.cli import cameras, capture, demo, evaluate, export, models, reconstruct, rig, scans, synth, train
from facestudio.cli.console import out

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Three photos become a textured, metric, animatable head.",
)
app.command()(window.app)
app.command()(reconstruct.reconstruct)
app.command()(export.export)
app.command()(demo.demo)
app.command()(evaluate.evaluate)
app.command()(capture.capture)
app.command()(synth.synth)
app.command()(scans.scans)
app.add_typer(cameras.app, name="cameras")
app.add_typer(rig.app, name="rig")
app.add_typer(models.app, name="models")
app.add_typer(train.app, name="train")


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"facestudio {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Options before the verb."""
    del version
