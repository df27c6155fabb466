"""`facestudio reconstruct LEFT FRONT RIGHT -o DIR`: photos become a textured head."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facestudio.cli.console import out, running
from facestudio.pipeline.engines import HELP
from facestudio.types import Scale

if TYPE_CHECKING:
    from facestudio.pipeline.build_head import BuiltHead


def reconstruct(
    photos: Annotated[
        list[Path],
        typer.Argument(
            help="One to three photos: left, front, right (left shows the subject's left side); without --cameras any number, "
            "in any order (not for the engine mfnet)."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the result; made when missing.")],
    cameras: Annotated[Path | None, typer.Option(help="cameras.json of a calibrated rig; the head is then metric.")] = None,
    head: Annotated[str, typer.Option(help="Head model: open, flame, or a model file.")] = "open",
    engine: Annotated[str, typer.Option(help=HELP)] = "auto",
    quality: Annotated[str, typer.Option(help="Time for dense matching: draft, standard or full.")] = "standard",
    texture_size: Annotated[int, typer.Option(help="Side of the texture in pixels.")] = 2048,
    name: Annotated[str | None, typer.Option(help="Base name of the files; default: the photos' folder.")] = None,
) -> None:
    """Reconstruct a textured, animatable head from photos."""
    output = output.expanduser()
    with running() as (progress, cancel):
        from facestudio.pipeline.build_head import reconstruct as build

        built = build(
            photos,
            output,
            cameras=cameras,
            head=head,
            engine=engine,
            quality=quality,
            texture_size=texture_size,
            name=name,
            progress=progress,
            cancel=cancel,
        )
    report(built)


def report(built: BuiltHead) -> None:
    """Say what was found, how good it is (in the report's own words), and where it lies."""
    from facestudio.export.verdict import fit_sentences, left_out_told

    r = built.reconstruction
    with_left_out = left_out_told(r)
    for note in r.notes:
        out.print(f"Note: {note}", markup=False)
    for q in r.quality:
        told = with_left_out and q.held_out_px is not None
        held_out = f", {q.held_out_px:.1f} px when this photo is left out" if told else ""
        out.print(
            f"{q.name:>6}: turned {q.yaw_degrees:+.0f} degrees, landmarks within {q.reprojection_px:.1f} px{held_out}",
            markup=False,
        )
    for sentence in fit_sentences(r):
        out.print(sentence, markup=False)
    size = (
        "metric, from the calibrated cameras"
        if r.scale is Scale.METRIC
        else "assumed from average anatomy: calibrate the cameras for millimetres"
    )
    out.print(f"Size: {size}.")
    seen = float((built.texture.views_seen > 0).mean())
    out.print(
        f"{seen:.0%} of the head was seen by a photo. " + ", ".join(f"{k} {v:.1f} s" for k, v in r.seconds.items()),
        markup=False,
    )
    for file in built.files:
        out.print(str(file), markup=False)
