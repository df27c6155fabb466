"""Which engine makes the head. All take the same job and give the same kind of result, so that every face of the program offers all.

Light to import: the window lists the engines before any of them is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from facestudio.errors import FaceStudioError

if TYPE_CHECKING:
    from facestudio.pipeline.job import Job
    from facestudio.types import Reconstruction

ENGINES = ("auto", "fit", "mfnet", "sfm")
ANY_NUMBER = ("auto", "fit", "sfm")  # engines that take more than three photos
HELP = (
    "auto: landmarks, then dense matching; fit: landmarks only; mfnet: the shape straight from a network; "
    "sfm: depth networks, points, and a head fitted to them."
)


def check_engine(name: str) -> None:
    """Raises FaceStudioError, naming the engines there are, when this is none of them."""
    if name not in ENGINES:
        raise FaceStudioError(f"There is no engine {name!r}.", f"Choose one of: {', '.join(ENGINES)}.")


def solve_head(engine: str, job: Job) -> Reconstruction:
    """Cameras and shape of a capture by the engine of this name. Raises what the engine raises.

    "auto" takes some seconds: `job.partial` hears of the network's head at once, where there is a network for the head model, and the
    matching weighs what it says.
    """
    check_engine(engine)
    if engine == "auto":
        from facestudio.pipeline.engine_mfnet import first_look

        job = first_look(job)
    return _solver(engine)(job)


def _solver(engine: str) -> Callable[[Job], Reconstruction]:
    # Imported when asked for: each engine brings its own heavy libraries.
    if engine == "sfm":
        from facestudio.pipeline import engine_sfm

        return engine_sfm.by_points
    from facestudio.pipeline import engine_fit, engine_mfnet

    engines = {"auto": engine_fit.by_matching, "fit": engine_fit.by_landmarks, "mfnet": engine_mfnet.by_network}
    return engines[engine]
