"""`facestudio app`: open the window."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facestudio.cli.console import failing_clearly


def app(
    path: Annotated[
        Path | None, typer.Argument(help="A head (NAME.head.npz), result folder or capture to show; default: the library.")
    ] = None,
) -> None:
    """Open the window."""
    with failing_clearly():
        from facestudio.app.main import run

        code = run(path.expanduser().resolve() if path else None)
    raise typer.Exit(code)
