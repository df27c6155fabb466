"""What dense refinement is asked for, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum

from facestudio.reconstruct.contour import ContourConfig
from facestudio.reconstruct.correspondence import FlowConfig
from facestudio.reconstruct.displace import FieldConfig
from facestudio.reconstruct.solve import SolveConfig
from facestudio.reconstruct.sweep import SweepConfig
from facestudio.types import ByteArray, Camera, Float64Array


class Quality(StrEnum):
    """How much time refinement may take."""

    DRAFT = "draft"
    STANDARD = "standard"
    FULL = "full"


class Support(IntEnum):
    """What a vertex's position rests on."""

    MEASURED = 0  # two photos agree about it
    UNMATCHED = 1  # two photos see it, but hair, clothes, glare or lack of texture left no usable match: model and neighbours
    ONE_VIEW = 2  # one photo sees it: model and neighbours
    UNSEEN = 3  # no photo sees it: the model alone


# Of what OpenHead cannot show of other people's heads, left against right: tests/benchmarks/bench_symmetry.py measures it on FLAME's.
SYMMETRY = 0.4


@dataclass(frozen=True)
class RefineConfig:
    """Constants of the refinement.

    robust_m: one round of flow per entry: how far, metres, a match may be from the current head before it starts to fade.
    camera_rounds: unknown cameras get so many rounds before the rest, as robust as the first, on photos of half the size, where flow is
    four times as fast and reaches twice as far.
    still_rounds: of the rounds on whole photos, so many first leave the displacement as it is.
    sweep_rounds: after those, so many in which the photos are also searched along their rays; unknown cameras then stand still.
    sweep_flow_inflation: in them the flow's standard deviations are multiplied by this: its own smoothness draws it towards zero, that is
    towards the head as it is, and it would hold the head back from where the search finds it.
    focal_rounds: of the rounds before the sweep's, so many last free the focals.
    focal_sigma_known / _assumed: relative prior of a focal from EXIF / guess.
    landmark_inflation: the detector's standard deviations are multiplied by this: they were learned on synthetic heads.
    network_inflation: so are those of what the network says of the identity, for the same reason.
    blur_px: the photos' grain is smoothed by this. pair_degrees: views are matched when the angle between them is in this range.
    least_agreement, most_across_px: below / above these the photos do not show one head at one moment (`across` when calibrated).
    sigma_scale: factor that makes the stated standard deviations true on synthetic subjects.
    """

    robust_m: tuple[float, ...] = (0.004, 0.0025, 0.0015, 0.001)
    camera_rounds: int = 3
    still_rounds: int = 0
    focal_rounds: int = 2
    sweep_rounds: int = 4
    sweep_flow_inflation: float = 4.0
    focal_sigma_known: float = 0.03
    focal_sigma_assumed: float = 0.12
    landmark_inflation: float = 3.0
    network_inflation: float = 4.0
    blur_px: float = 0.8
    pair_degrees: tuple[float, float] = (8.0, 62.0)
    least_agreement: float = 0.25
    most_across_px: float = 1.2
    sigma_scale: float = 1.0
    posterior_draws: int = 48
    flow: FlowConfig = field(default_factory=FlowConfig)
    sweep: SweepConfig = field(default_factory=SweepConfig)
    contour: ContourConfig = field(default_factory=ContourConfig)
    solve: SolveConfig = field(default_factory=SolveConfig)
    surface: FieldConfig = field(default_factory=lambda: FieldConfig(symmetry=SYMMETRY))


def refine_config(quality: Quality | str) -> RefineConfig:
    """The constants for a quality: fewer and coarser rounds for `draft`, more for `full`."""
    config = RefineConfig()
    if quality == Quality.DRAFT:
        return replace(
            config,
            robust_m=(0.004, 0.002),
            camera_rounds=2,
            still_rounds=1,
            focal_rounds=1,
            sweep_rounds=0,
            posterior_draws=16,
            flow=replace(config.flow, stride=4),
        )
    if quality == Quality.FULL:
        return replace(config, robust_m=(*config.robust_m, 0.001, 0.001), posterior_draws=96)
    return config


@dataclass(frozen=True)
class Refined:
    """A refined head, or the given one when `accepted` is False; `reason` then says why, for the operator.

    identity (S,), expression (E,) float64. vertices, posed_vertices: (V, 3) float64, metres, head frame: neutral, and as photographed.
    cameras: head frame to each photo. sigma_m: (V,) float64, standard deviation along the normal, metres. views: (V,) uint8, photos that
    see each vertex. support: (V,) uint8, a `Support`. across_px: median flow across the epipolar lines. likeness: correlation of the photos
    through the given head and through this one.
    """

    identity: Float64Array
    expression: Float64Array
    vertices: Float64Array
    posed_vertices: Float64Array
    cameras: tuple[Camera, ...]
    sigma_m: Float64Array
    views: ByteArray
    support: ByteArray
    accepted: bool
    reason: str
    agreement: float = 0.0
    across_px: float = 0.0
    likeness: tuple[float, float] = (0.0, 0.0)
