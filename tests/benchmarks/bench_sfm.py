"""Deep SfM against the truth: the paper's table 1 and the ablation of its fig. 10 on synthetic heads, and the engine on the bench.

    python -m tests.benchmarks.bench_sfm arms ARMS ORBIT_VAL docs/training [HEADS] # ARMS/LOSSES-LANDMARKS: folders that `train sfm` wrote
    python -m tests.benchmarks.bench_sfm orbits ORBIT_VAL docs/training        # the shipped networks on whole orbits
    python -m tests.benchmarks.bench_sfm dev ../shared/bench/dev docs/training [HEAD …] # the shipped networks on three photos

Each writes a table of numbers as CSV; `arms` also draws depth maps side by side.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from facestudio.atomic import write_file
from facestudio.evaluate.cloud import CloudErrors, cloud_errors
from facestudio.head.model import HeadModel
from facestudio.head.posing import PosedHead
from facestudio.head.store import load_head
from facestudio.paths import models_dir
from facestudio.reconstruct.sfm.frames import Frame, Look
from facestudio.reconstruct.sfm.fuse import fuse
from facestudio.reconstruct.sfm.infer import load_net
from facestudio.reconstruct.sfm.networks import SfmNet
from facestudio.reconstruct.sfm.objective import LossConfig, Sequences, estimate, objective
from facestudio.training.sfm.errors import depth_errors, turn_errors
from facestudio.training.sfm.orbits import OrbitConfig, OrbitHead, Orbits, stacked, subset
from facestudio.training.synth.shard import read_dataset, read_shard
from facestudio.types import Camera, Mesh, PointCloud, Reconstruction

ROWS = np.arange(0, 12, 2)  # every second frame of an orbit enters the tables of the arms


def truth_mesh(folder: Path, subject: int, model: HeadModel) -> Mesh:
    """The synthetic subject's own head, metres, head frame: identity, expression and pose as photographed."""
    for path in read_dataset(folder).shards:
        shard = read_shard(path)
        rows = np.flatnonzero(shard.subject == subject)
        if len(rows):
            i = int(rows[0])
            rest = model.template + model.identity_basis @ shard.identity[i]
            posed = PosedHead(model, rest).vertices(shard.expression[i], shard.pose[i])
            return Mesh(
                posed,
                model.faces[model.part_faces("face", "lips", "eyelids", "ears", "neck", "scalp", "eye_left", "eye_right")],
            )
    raise ValueError(f"{folder} has no subject {subject}")


def cloud_of(head: OrbitHead, depth: np.ndarray, poses: np.ndarray) -> PointCloud:
    """The fused points of an orbit's frames with this depth (F, S, S) and these poses (F, 3, 4)."""
    size = depth.shape[-1]
    frames, looks = [], []
    for picture, K, pose, marks, seen, mask in zip(
        head.pictures, head.K, poses, head.landmarks, head.visible, head.mask, strict=True
    ):
        camera = Camera(K, pose[:, :3], pose[:, 3], size, size)
        frames.append(Frame(picture, camera, marks.astype(np.float64), seen))
        looks.append(Look(picture, camera, marks.astype(np.float64), mask))
    return fuse(frames, looks, [d.astype(np.float32) for d in depth])


def measured(net: SfmNet, head: OrbitHead, data: Sequences, truth: Mesh, every: int = 1) -> tuple[dict[str, float], np.ndarray]:
    """One head's numbers, and its depth maps. every: take each so many-th point of the cloud."""
    with torch.no_grad():
        found = estimate(net, data)
        gap = objective(found, replace(data, mask=data.mask), LossConfig(photometric=0.0, depth=0.0, smooth=0.0))["landmark"]
    depth = found.depth[0].numpy()
    errors = depth_errors(found.depth, data)
    cloud: CloudErrors = cloud_errors(cloud_of(head, depth, found.poses[0].double().numpy()).points[::every], truth)
    numbers = {
        "landmark_px": float(gap) * depth.shape[-1] / 100.0,
        "turn_deg": turn_errors(found.poses, torch.from_numpy(head.truth_pose)[None].float()),
        "depth_mean_mm": errors.mean_mm,
        "depth_mse_mm2": errors.rms_mm**2,
        "point_to_point_mm": float(cloud.point_mm.mean()),
        "point_to_surface_mm": float(cloud.surface_mm.mean()),
    }
    return numbers, depth


def arms(folder: Path, held_out: Path, out: Path, heads: Path = Path("3")) -> None:
    """Table 1 and fig. 10: every arm in `folder` on the same held-out heads, the first so many of the data set."""
    model = load_head("open")
    rows: list[dict[str, object]] = []
    shown = {}
    for arm in sorted(p for p in folder.iterdir() if (p / "sfm_depth.npz").is_file()):
        losses, _, count = arm.name.partition("-")
        net, size = load_net(arm)
        orbits = Orbits(held_out, OrbitConfig(start="bundle", size=size, landmarks=int(count)), model)
        numbers = []
        for index in range(min(len(orbits), int(str(heads)))):
            whole = orbits.head(index)
            head = subset(whole, ROWS[len(whole.pictures) > ROWS])
            # All arms are measured on the same 800 landmarks.
            found, depth = measured(net, head, stacked([head]), truth_mesh(held_out, head.subject, model), every=4)
            numbers.append(found)
            if index in (0, 2):
                shown[arm.name, index] = (head, depth)
        rows.append({"losses": losses, "landmarks": count, "heads": len(numbers), **mean_of(numbers)})
    rows.sort(key=lambda row: (str(row["losses"]), int(str(row["landmarks"]))))
    write_table(out / "sfm_ablation.csv", rows)
    order = [name for name in ("photometric-568", "landmarks-68", "full-568") if (folder / name).is_dir()]
    if order:
        write_file(out / "sfm_ablation.png", drawn([[shown[name, i] for name in order] for i in (0, 2)]))


def orbits_of(held_out: Path, out: Path) -> None:
    """The shipped networks on whole orbits of twelve frames: cameras by the pose network, and by bundle adjustment alone."""
    model = load_head("open")
    net, size = load_net(models_dir())
    orbits = Orbits(held_out, OrbitConfig(start="bundle", size=size, landmarks=568), model)
    rows: list[dict[str, object]] = []
    for index in range(len(orbits)):
        whole = orbits.head(index)
        head = subset(whole, np.arange(len(whole.pictures)))
        found, _ = measured(net, head, stacked([head], 568), truth_mesh(held_out, head.subject, model))
        rows.append({"subject": head.subject, **found})
    write_table(out / "sfm_orbits.csv", [*rows, {"subject": "mean", **mean_of(rows)}])


def dev(bench: Path, out: Path, *names: Path, calibrated: bool = True) -> None:
    """The engine on three photos of each head of the bench, or of the named ones: its points and its head against the truth."""
    from facestudio.evaluate.datasets.bench import head_names, read_head
    from facestudio.evaluate.prediction import Prediction, mean_head
    from facestudio.evaluate.scoring import score
    from facestudio.head.landmarks import now_landmarks
    from facestudio.progress import CancelToken

    model = load_head("open")
    rows: list[dict[str, object]] = []
    for name in head_names(bench, [n.name for n in names] or None):
        head = read_head(bench, name, calibrated=calibrated)
        r = solved(head.photos, head.cameras if calibrated else None, model)
        assert r.points is not None
        world = np.eye(4)[:3] if r.world_from_head is None else r.world_from_head
        points = r.points.points @ world[:, :3].T + world[:, 3]
        cloud = cloud_errors(points, head.truth)
        token = CancelToken()
        own, _ = score(
            Prediction(Mesh(r.vertices, model.faces.astype(np.int64)), now_landmarks(model, r.vertices)), head, token
        )
        average, _ = score(mean_head(model), head, token)
        rows.append(
            {
                "head": name,
                "points": len(points),
                "cloud_point_to_point_mm": float(cloud.point_mm.mean()),
                "cloud_point_to_surface_mm": float(cloud.surface_mm.mean()),
                **{f"head_now_{k}": v for k, v in now_of(own.distances_mm).items()},
                **{f"mean_head_now_{k}": v for k, v in now_of(average.distances_mm).items()},
            }
        )
        write_table(out / "sfm_dev.csv", [*rows, {"head": "mean", **mean_of(rows)}])


def solved(photos: Sequence[Path], cameras: Path | None, model: HeadModel) -> Reconstruction:
    """What `reconstruct --engine sfm` does, without the texture."""
    from contextlib import closing

    from facestudio.landmarks.mediapipe_detector import MediapipeDetector
    from facestudio.landmarks.segmentation import foreground_mask
    from facestudio.pipeline.cameras_file import read_cameras
    from facestudio.pipeline.engines import solve_head
    from facestudio.pipeline.evidence import best_evidence, evidence_basis, evidence_error, with_dense
    from facestudio.pipeline.import_triplet import find_views, read_photos
    from facestudio.pipeline.job import Job
    from facestudio.progress import CancelToken, silent

    token, evidence = CancelToken(), best_evidence(model)
    rig = None if cameras is None else read_cameras(cameras)
    with closing(MediapipeDetector()) as detector:
        triplet = find_views(read_photos(photos, silent, token), evidence_basis(model), detector, rig, silent, token)
    if evidence != "mediapipe":
        triplet = with_dense(triplet)
    masks = [foreground_mask(view.image) for view in triplet.views]
    job = Job(triplet, model, evidence_basis(model, evidence), evidence_error(evidence), evidence_error(), masks)
    return solve_head("sfm", job)


def now_of(distances: object) -> dict[str, float]:
    """Mean and median of the NoW distances, mm."""
    from facestudio.evaluate.now import Variant

    values = distances[Variant.NOW]  # type: ignore[index]
    return {"mean_mm": float(np.mean(values)), "median_mm": float(np.median(values))}


def mean_of(rows: Sequence[dict[str, object]] | Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of every column that is a float."""
    keys = [k for k, v in rows[0].items() if isinstance(v, float)]
    return {k: float(np.mean([row[k] for row in rows])) for k in keys}  # type: ignore[arg-type]


def write_table(path: Path, rows: Sequence[dict[str, object]]) -> None:
    """A CSV of rows; numbers with three digits after the point."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), restval="")
    writer.writeheader()
    writer.writerows([{k: f"{v:.3f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows])
    write_file(path, text.getvalue().encode())


def drawn(lines: Sequence[Sequence[tuple[OrbitHead, np.ndarray]]]) -> bytes:
    """A picture: per line one head: the photo, each arm's depth, and the true depth, all in the same colours."""
    pictures = []
    for line in lines:
        head = line[0][0]
        scale = 192
        tiles = [cv2.resize(head.pictures[0][..., ::-1], (scale, scale), interpolation=cv2.INTER_CUBIC)]
        known = head.mask[0] & (head.depth[0] > 0)
        low, high = np.percentile(head.depth[0][known], [1, 99])
        for depth in [*(d[0] for _, d in line), head.depth[0]]:
            fitted = depth * np.median(head.depth[0][known] / np.maximum(depth[known], 1e-6))
            grey = (255 * np.clip((high - fitted) / (high - low), 0, 1)).astype(np.uint8)
            colour = cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS)
            colour[~head.mask[0]] = 255
            tiles.append(cv2.resize(colour, (scale, scale), interpolation=cv2.INTER_NEAREST))
        pictures.append(np.concatenate(tiles, axis=1))
    return bytes(cv2.imencode(".png", np.concatenate(pictures))[1])


if __name__ == "__main__":
    torch.set_num_threads(1)
    what, places = sys.argv[1], [Path(p) for p in sys.argv[2:]]
    {"arms": arms, "orbits": orbits_of, "dev": dev}[what](*places)  # type: ignore[operator]
