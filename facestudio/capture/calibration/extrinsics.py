"""Where the cameras stand: PnP of the board in each picture, relative poses of pairs of cameras, then everything at once.

Bundle adjustment (Triggs et al. 2000): the lenses, the poses of all cameras but one and of the board in every shot are moved until the
corners' reprojection error is smallest, with a robust loss so that one bad detection does not bend the rig. The lenses move along because
a principal point that is a pixel off turns its camera by as much: what the cameras see together tells the two apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from facestudio.capture.calibration.board import BoardSpec
from facestudio.capture.calibration.detect import Detection
from facestudio.errors import CalibrationError
from facestudio.geometry.camera import project
from facestudio.progress import CancelToken
from facestudio.types import Camera, Float64Array, IntArray, ViewName

_REMEDY = "Take pictures in which two or three cameras see the board at once, for every pair of neighbouring cameras."
_STILL_DEGREES, _STILL_M = 4.0, 0.02  # PnP of one blurred picture is no better
_WORST_SHOT = 3.0  # times the median shot's error
Pose = tuple[Float64Array, Float64Array]  # (R (3, 3), t (3,)): x_to = R x_from + t
Shots = Sequence[Mapping[ViewName, Detection]]


@dataclass(frozen=True)
class Extrinsics:
    """cameras: with poses; the reference camera's frame is the world's. boards: board to world, one per shot used. shots: which were used.

    rmse_px: over all corners. rmse_by_view: the same by camera.
    """

    cameras: Mapping[ViewName, Camera]
    boards: tuple[Pose, ...]
    shots: tuple[int, ...]
    together: int
    rmse_px: float
    rmse_by_view: Mapping[ViewName, float]


@dataclass(frozen=True)
class _Observations:
    """All corners of all pictures as columns. view, shot, corner: (N,) int64. pixels: (N, 2) float64."""

    view: IntArray
    shot: IntArray
    corner: IntArray
    pixels: Float64Array


def calibrate_extrinsics(
    lenses: Mapping[ViewName, Camera], shots: Shots, spec: BoardSpec, cancel: CancelToken | None = None
) -> Extrinsics:
    """Poses of the cameras from shots of the board, some of them seen by two cameras or more. lenses: calibrated, their poses are ignored.

    Raises CalibrationError when the shots do not connect the cameras.
    """
    views = [v for v in ViewName if v in lenses]
    reference = ViewName.FRONT if ViewName.FRONT in lenses else views[0]
    used = [i for i, shot in enumerate(shots) if any(v in shot for v in views)]
    poses = [{v: board_pose(lenses[v], shots[i][v], spec) for v in views if v in shots[i]} for i in used]
    world = _relative_to(reference, views, poses)
    kept = [k for k, shot in enumerate(poses) if _held_still(world, shot)]
    for _ in range(2):
        used_now = [used[k] for k in kept]
        seen = _observations(views, [shots[i] for i in used_now])
        boards = [_board_in_world(world, poses[k]) for k in kept]
        cameras, boards, residual = _adjust(views, reference, lenses, world, boards, seen, spec, cancel or CancelToken())
        errors = np.sqrt([(residual[seen.shot == s] ** 2).sum(axis=1).mean() for s in range(len(kept))])
        good = errors <= max(_WORST_SHOT * float(np.median(errors)), 0.5)
        if good.all():
            break
        kept = [k for k, well in zip(kept, good, strict=True) if well]
    used, poses = used_now, [poses[k] for k in kept]
    squared = (residual**2).sum(axis=1)
    by_view = {v: float(np.sqrt(squared[seen.view == k].mean())) for k, v in enumerate(views)}
    together = sum(len(shot) > 1 for shot in poses)
    return Extrinsics(cameras, tuple(boards), tuple(used), together, float(np.sqrt(squared.mean())), by_view)


def _held_still(world: Mapping[ViewName, Pose], shot: Mapping[ViewName, Pose]) -> bool:
    """Whether all cameras of a shot put the board at one place: a board that moved between their pictures does not tell where they are."""
    placed = [after(inverse(world[v]), pose) for v, pose in shot.items()]
    middle = _board_in_world(world, shot)
    turns = [np.degrees(np.arccos(np.clip((np.trace(middle[0].T @ p[0]) - 1) / 2, -1, 1))) for p in placed]
    return max(turns) < _STILL_DEGREES and max(float(np.linalg.norm(p[1] - middle[1])) for p in placed) < _STILL_M


def board_pose(camera: Camera, detection: Detection, spec: BoardSpec) -> Pose:
    """The board's pose in a camera's frame. Of the two poses that a plane allows, the one that fits better. Raises CalibrationError."""
    points = spec.corners[detection.ids]
    ok, rvecs, tvecs, errors = cv2.solvePnPGeneric(
        points, detection.pixels, camera.K, camera.distortion, flags=cv2.SOLVEPNP_IPPE
    )
    if not ok:
        raise CalibrationError(
            "The board has no plausible position in a picture.", "Leave out pictures in which it is hardly seen."
        )
    best = int(np.argmin(np.ravel(errors)))
    rvec, tvec = cv2.solvePnPRefineLM(points, detection.pixels, camera.K, camera.distortion, rvecs[best], tvecs[best])
    return np.asarray(cv2.Rodrigues(rvec)[0], dtype=np.float64), np.asarray(tvec, dtype=np.float64).ravel()


def after(second: Pose, first: Pose) -> Pose:
    """The pose that does `first`, then `second`."""
    return second[0] @ first[0], second[0] @ first[1] + second[1]


def inverse(pose: Pose) -> Pose:
    """The way back."""
    return pose[0].T, -pose[0].T @ pose[1]


def _relative_to(
    reference: ViewName, views: Sequence[ViewName], poses: Sequence[Mapping[ViewName, Pose]]
) -> dict[ViewName, Pose]:
    """World (= reference camera) to each camera, through the pairs of cameras that saw the board together most often."""
    pairs = {(a, b): [after(s[b], inverse(s[a])) for s in poses if a in s and b in s] for a in views for b in views if a != b}
    found: dict[ViewName, Pose] = {reference: (np.eye(3), np.zeros(3))}
    while len(found) < len(views):
        links = [(len(pairs[a, b]), a, b) for a in found for b in views if b not in found and pairs[a, b]]
        if not links:
            missing = ", ".join(v.value for v in views if v not in found)
            raise CalibrationError(f"The {missing} camera never saw the board together with another camera.", _REMEDY)
        _, a, b = max(links, key=lambda link: link[0])
        found[b] = after(_middle(pairs[a, b]), found[a])
    return found


def _middle(poses: Sequence[Pose]) -> Pose:
    """The pose to which the others are nearest: robust against the wrong one of a plane's two poses."""

    def distance(p: Pose, q: Pose) -> float:
        angle = np.arccos(np.clip((np.trace(p[0].T @ q[0]) - 1) / 2, -1, 1))
        return float(angle + np.linalg.norm(p[1] - q[1]))

    return min(poses, key=lambda p: float(np.median([distance(p, q) for q in poses])))


def _board_in_world(world: Mapping[ViewName, Pose], shot: Mapping[ViewName, Pose]) -> Pose:
    return _middle([after(inverse(world[v]), pose) for v, pose in shot.items()])


def _observations(views: Sequence[ViewName], shots: Shots) -> _Observations:
    rows = [(k, s, d) for s, shot in enumerate(shots) for k, v in enumerate(views) if (d := shot.get(v)) is not None]
    return _Observations(
        np.concatenate([np.full(len(d.ids), k, dtype=np.int64) for k, _, d in rows]),
        np.concatenate([np.full(len(d.ids), s, dtype=np.int64) for _, s, d in rows]),
        np.concatenate([d.ids.astype(np.int64) for _, _, d in rows]),
        np.concatenate([d.pixels for _, _, d in rows]),
    )


_LENS = 8  # fx fy cx cy k1 k2 p1 p2


def _adjust(
    views: Sequence[ViewName],
    reference: ViewName,
    lenses: Mapping[ViewName, Camera],
    world: Mapping[ViewName, Pose],
    boards: Sequence[Pose],
    seen: _Observations,
    spec: BoardSpec,
    cancel: CancelToken,
) -> tuple[dict[ViewName, Camera], list[Pose], Float64Array]:
    """Bundle adjustment; returns the cameras, the boards and the residuals (N, 2) in pixels."""
    from scipy.optimize import least_squares

    free = [k for k, v in enumerate(views) if v != reference]
    lens_end, camera_end = _LENS * len(views), _LENS * len(views) + 6 * len(free)
    start = [_lens_vector(lenses[v]) for v in views] + [_vector(world[views[k]]) for k in free] + [_vector(b) for b in boards]
    corners = spec.corners[seen.corner]

    def unpack(x: Float64Array) -> tuple[list[Camera], list[Pose]]:
        moved = {k: _pose(row) for k, row in zip(free, x[lens_end:camera_end].reshape(-1, 6), strict=True)}
        cameras = []
        for k, row in enumerate(x[:lens_end].reshape(-1, _LENS)):
            R, t = moved.get(k, (np.eye(3), np.zeros(3)))
            cameras.append(replace(_with_lens(lenses[views[k]], row), R=R, t=t))
        return cameras, [_pose(row) for row in x[camera_end:].reshape(-1, 6)]

    def residual(x: Float64Array) -> Float64Array:
        cancel.check()
        cameras, placed = unpack(x)
        Rb, tb = np.stack([p[0] for p in placed]), np.stack([p[1] for p in placed])
        in_world = np.einsum("nij,nj->ni", Rb[seen.shot], corners) + tb[seen.shot]
        out = np.zeros_like(seen.pixels)
        for k, camera in enumerate(cameras):
            here = seen.view == k
            out[here] = project(camera, in_world[here])
        return np.asarray((out - seen.pixels).ravel())

    solution = least_squares(
        residual,
        np.concatenate(start),
        jac_sparsity=_sparsity(len(views), free, len(boards), seen),
        loss="soft_l1",
        f_scale=1.0,
        x_scale="jac",
        method="trf",
        max_nfev=60,
    )
    cameras, placed = unpack(solution.x)
    return dict(zip(views, cameras, strict=True)), placed, residual(solution.x).reshape(-1, 2)


def _sparsity(views: int, free: Sequence[int], boards: int, seen: _Observations) -> object:
    """Which residuals depend on which parameters: each on one lens, one camera's pose and one board's."""
    from scipy.sparse import coo_matrix

    rows, columns = [], []
    place = np.full(views, -1)
    place[list(free)] = np.arange(len(free))
    residuals = np.arange(len(seen.view))
    blocks = (
        (_LENS * seen.view, _LENS, np.ones(len(residuals), dtype=bool)),
        (_LENS * views + 6 * place[seen.view], 6, place[seen.view] >= 0),
        (_LENS * views + 6 * (len(free) + seen.shot), 6, np.ones(len(residuals), dtype=bool)),
    )
    for first, width, applies in blocks:
        for axis in range(2):
            for offset in range(width):
                rows.append(2 * residuals[applies] + axis)
                columns.append(first[applies] + offset)
    at = (np.concatenate(rows), np.concatenate(columns))
    shape = (2 * len(residuals), _LENS * views + 6 * (len(free) + boards))
    return coo_matrix((np.ones(len(at[0]), dtype=np.int8), at), shape=shape).tocsr()


def _lens_vector(camera: Camera) -> Float64Array:
    K, d = camera.K, camera.distortion
    return np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2], *d[:4]])


def _with_lens(camera: Camera, row: Float64Array) -> Camera:
    K = np.array([[row[0], 0.0, row[2]], [0.0, row[1], row[3]], [0.0, 0.0, 1.0]])
    return replace(camera, K=K, distortion=np.array([*row[4:8], camera.distortion[4]]))


def _vector(pose: Pose) -> Float64Array:
    return np.concatenate([np.asarray(cv2.Rodrigues(pose[0])[0]).ravel(), pose[1]])


def _pose(row: Float64Array) -> Pose:
    return np.asarray(cv2.Rodrigues(row[:3])[0], dtype=np.float64), row[3:].copy()
