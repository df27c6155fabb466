"""`facestudio rig board|calibrate|check|import|export`: the calibration of the three cameras without a window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facestudio.cli.console import failing_clearly, out, running

if TYPE_CHECKING:
    from facestudio.capture.calibration.board import BoardSpec

app = typer.Typer(no_args_is_help=True, help="The rig: print the board, calibrate the cameras, exchange calibrations.")

PaperOption = Annotated[str, typer.Option(help="A4 or A3: the printed board.")]


@app.command("board")
def board(
    output: Annotated[Path, typer.Option("--output", "-o", help="The PDF to write.")] = Path("facestudio-board.pdf"),
    paper: PaperOption = "A4",
) -> None:
    """Write the calibration board as a PDF, to be printed at 100 %."""
    with failing_clearly():
        from facestudio.capture.calibration.board_pdf import write_board

        write_board(_spec(paper), output.expanduser())
        out.print(f"Print {output} at 100 %, check its ruler line, and glue it to something flat.", markup=False)


@app.command("calibrate")
def calibrate(
    folder: Annotated[Path, typer.Argument(help="Pictures of the board: left/001.jpg, front/001.jpg, right/001.jpg, …")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="cameras.json; default: this computer's rig.")] = None,
    paper: PaperOption = "A4",
) -> None:
    """Calibrate lenses and positions from pictures of the board, and say how good they are."""
    with running() as (progress, cancel):
        import cv2

        from facestudio.atomic import write_file
        from facestudio.capture.calibration.calibrate import calibrate_folder
        from facestudio.capture.calibration.picture import rig_picture
        from facestudio.capture.calibration.rig_file import save_rig
        from facestudio.capture.device import load_assignment

        spec = _spec(paper)
        report = calibrate_folder(folder.expanduser(), spec, load_assignment(), progress, cancel)
        path = save_rig(report.rig, output.expanduser() if output else None)
        picture = rig_picture(report.rig.cameras, report.extrinsics.boards, spec)
        write_file(path.with_suffix(".png"), cv2.imencode(".png", picture)[1].tobytes())
    for sentence in report.sentences:
        out.print(sentence, markup=False)
    out.print(str(path), markup=False)


@app.command("check")
def check(
    capture: Annotated[Path, typer.Argument(help="A capture of a face taken after the calibration: a folder with its photos.")],
    cameras: Annotated[Path | None, typer.Option(help="cameras.json; default: this computer's rig.")] = None,
) -> None:
    """Say whether a camera has moved since the calibration, by the face in a later capture."""
    with running() as (progress, cancel):
        from facestudio.capture.calibration.rig_file import load_rig
        from facestudio.errors import CalibrationError
        from facestudio.pipeline.check_rig import check_rig

        rig = load_rig(cameras.expanduser() if cameras else None)
        if rig is None:
            raise CalibrationError("The rig is not calibrated.", "Calibrate it first: `facestudio rig calibrate FOLDER`.")
        found = check_rig(capture.expanduser(), rig, progress=progress, cancel=cancel)
    out.print(found.sentence, markup=False)
    if found.moved:
        raise typer.Exit(1)


@app.command("import")
def import_calibration(
    path: Annotated[Path, typer.Argument(help="caliscope's camera_array.toml, or an OpenCV YAML file.")],
    order: Annotated[str, typer.Option(help="The views of caliscope's cameras, by their numbers.")] = "left,front,right",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="cameras.json; default: this computer's rig.")] = None,
) -> None:
    """Take over a calibration made elsewhere."""
    with failing_clearly():
        from facestudio.capture.calibration.exchange import read_calibration
        from facestudio.capture.calibration.rig_file import save_rig
        from facestudio.errors import CalibrationError
        from facestudio.types import ViewName

        names = [part.strip() for part in order.split(",")]
        if len(set(names)) != len(names) or not set(names) <= {v.value for v in ViewName}:
            raise CalibrationError(f"{order!r} is no order of views.", "Write for example --order left,front,right.")
        rig = read_calibration(path.expanduser(), [ViewName(n) for n in names])
        out.print(str(save_rig(rig, output.expanduser() if output else None)), markup=False)


@app.command("export")
def export_calibration(
    output: Annotated[Path, typer.Argument(help="camera_array.toml (caliscope) or a .yml file (OpenCV).")],
    cameras: Annotated[Path | None, typer.Option(help="cameras.json; default: this computer's rig.")] = None,
) -> None:
    """Give the rig's calibration to another program."""
    with failing_clearly():
        from facestudio.capture.calibration.exchange import write_caliscope, write_opencv
        from facestudio.capture.calibration.rig_file import load_rig
        from facestudio.errors import CalibrationError

        rig = load_rig(cameras.expanduser() if cameras else None)
        if rig is None:
            raise CalibrationError("The rig is not calibrated.", "Calibrate it first: `facestudio rig calibrate FOLDER`.")
        (write_caliscope if output.suffix.lower() == ".toml" else write_opencv)(rig, output.expanduser())
        out.print(str(output), markup=False)


def _spec(paper: str) -> BoardSpec:
    from facestudio.capture.calibration.board import BOARDS
    from facestudio.errors import CalibrationError

    if paper.upper() not in BOARDS:
        raise CalibrationError(f"There is no board for {paper}.", f"Choose one of: {', '.join(BOARDS)}.")
    return BOARDS[paper.upper()]
