"""`facestudio export CAPTURE_OR_RESULT -o DIR`: a reconstructed head in other formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facestudio.cli.console import out, running
from facestudio.export.formats import DEFAULT, FORMATS

_LIST = ", ".join(FORMATS)


def export(
    head: Annotated[Path, typer.Argument(help="A capture folder, a result folder, or a NAME.head.npz.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the files; made when missing.")],
    formats: Annotated[
        list[str] | None, typer.Option("--format", "-f", help=f"May be given several times, or with commas: {_LIST}, or all.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Base name of the files; default: the head's own.")] = None,
    topology: Annotated[
        str | None, typer.Option(help="open, flame or a head model file: carry the head over to that topology.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--head", help="Head model file, when it is neither OpenHead nor FLAME.")
    ] = None,
) -> None:
    """Export a reconstructed head for Blender, Unreal, Unity, three.js and others."""
    with running() as (progress, cancel):
        from facestudio.head.store import load_head
        from facestudio.pipeline.export_head import export_saved, metahuman_checks

        source = None if model is None else load_head(model.expanduser())
        chosen = _chosen(formats)
        files = export_saved(
            head.expanduser(),
            output.expanduser(),
            chosen,
            progress,
            cancel,
            model=source,
            name=name,
            topology=topology,
        )
        checks = metahuman_checks(head.expanduser(), source) if {"obj", "fbx", "metahuman"} & set(chosen) else ()
    for file in files:
        out.print(str(file), markup=False)
    if checks:
        out.print("Epic's requirements for Mesh to MetaHuman:")
    for check in checks:
        out.print(f"{'  yes' if check.passed else '   NO'}  {check.rule}: {check.finding}", markup=False)


def _chosen(formats: list[str] | None) -> tuple[str, ...]:
    if not formats:
        return DEFAULT
    words = [w.strip().lower() for f in formats for w in f.split(",") if w.strip()]
    return tuple(FORMATS) if "all" in words else tuple(dict.fromkeys(words))
