"""A bench of our own subjects, as `facestudio evaluate` reads it: `python tests/benchmarks/make_synthetic_bench.py OUT [--yaw 40] …`.

What is chosen by looking at a bench fits that bench. These subjects are drawn by the factory that makes the networks' training photos, so
constants can be tried on them, and capture conditions varied that no other bench offers, such as side cameras at 25 or 60 degrees.
A subject's shape is not the head model's alone: a hundred random bumps, 8 to 30 mm wide and together 0.7 mm high (standard deviation), lie
on top, which no coefficient can express. With `--flame FILE` the shapes under the bumps are FLAME 2023 Open's, carried over to OpenHead's
mesh: people whom the identity prior has not seen. With `--smile` they smile on the photos, and the truth is their face at rest.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import trimesh

from facestudio.geometry.shading import vertex_normals
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.open_head.build import build
from facestudio.head.open_head.scan_models import carry, read_flame
from facestudio.landmarks.crop import Crop
from facestudio.training.synth.bumps import bumps
from facestudio.training.synth.dress import Wearer, dress
from facestudio.training.synth.factory import wearer_for
from facestudio.training.synth.lens import random_sensor
from facestudio.training.synth.lights import random_light
from facestudio.training.synth.people import PeopleConfig, random_person
from facestudio.training.synth.photograph import auto_exposure, face_points, lamp_for, photograph
from facestudio.training.synth.webcams import WebcamConfig, random_webcam

SIDE = 720
CALM = PeopleConfig(lively=0.0, glasses=0.0, occluded=0.0)
BUMPS, BUMP_M, HEIGHT_M = 100, (0.008, 0.030), 0.0007
SMILE = {"mouthSmileLeft": 0.5, "mouthSmileRight": 0.5, "browInnerUp": 0.3, "jawOpen": 0.15}


def uneven(wearer: Wearer, rng: np.random.Generator) -> Wearer:
    """A wearer whose head has bumps."""
    mean = wearer.model.template.astype(np.float64)
    lifted = mean + bumps(mean, BUMPS, BUMP_M, HEIGHT_M, rng)[:, None] * vertex_normals(mean, wearer.model.faces)
    return replace(wearer, model=replace(wearer.model, template=lifted.astype(np.float32)))


def flame_shaped(wearer: Wearer, path: Path) -> Wearer:
    """A wearer whose identities are FLAME's, from the file of its template and identity components."""
    carried = carry(build(), read_flame(path))
    basis = np.ascontiguousarray(np.moveaxis(carried.modes, 0, 2), dtype=np.float32)
    return replace(wearer, model=replace(wearer.model, template=carried.mean.astype(np.float32), identity_basis=basis))


def write_head(plain: Wearer, folder: Path, yaw: float, seed: int, smiling: bool) -> None:
    """Draw, photograph and write one subject."""
    rng = np.random.default_rng([seed, 77])
    wearer, model = uneven(plain, rng), plain.model
    person = random_person(model, plain.closet, rng, CALM)
    at_rest = replace(person, pose=np.zeros_like(person.pose), expression=np.zeros_like(person.expression))
    weights = np.array([SMILE.get(name, 0.0) if smiling else 0.0 for name in model.expression_names])
    person = replace(at_rest, expression=weights.astype(person.expression.dtype))
    dressed, light = dress(wearer, person), random_light(rng)
    lamp, exposure, middle = (
        lamp_for(dressed, wearer, person, light),
        auto_exposure(light, person),
        face_points(wearer, dressed).mean(0),
    )
    webcam = WebcamConfig(
        width=SIDE, height=SIDE, yaw_jitter=5.0, wide_share=0.0, pitch=6.0, roll=3.0, tallest=0.65, distorted=0.0
    )
    whole, cameras = Crop(np.full(2, (SIDE - 1) / 2), float(SIDE), SIDE), {}
    folder.mkdir(parents=True, exist_ok=True)
    for name, turn in (("left", yaw), ("front", 0.0), ("right", -yaw)):
        camera = random_webcam(turn, middle, rng, webcam)
        photo = photograph(wearer, dressed, person, lamp, light, camera, whole, random_sensor(exposure, rng), rng)
        picture = cv2.imdecode(photo.jpeg, cv2.IMREAD_COLOR)
        cv2.imwrite(str(folder / f"{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 97])
        c = photo.camera
        cameras[name] = {
            "K": c.K.tolist(),
            "R": c.R.tolist(),
            "t": c.t.tolist(),
            "width": c.width,
            "height": c.height,
            "distortion": c.distortion.tolist(),
        }
    (folder / "cameras.json").write_text(json.dumps(cameras), encoding="utf-8")
    head = dress(wearer, at_rest).surface.vertices[: dressed.head].astype(np.float64)
    trimesh.Trimesh(head, model.faces, process=False).export(folder / "truth.ply")
    np.save(folder / "face_region.npy", np.flatnonzero(model.part_vertices("face", "lips")).astype(np.int32))
    seven = on_surface(head, model.faces, embedding(model, "now7"))
    (folder / "landmarks3d.json").write_text(json.dumps({"points": seven.tolist()}), encoding="utf-8")


def main() -> None:
    """Make the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--yaw", type=float, nargs="+", default=[40.0], help="of the side cameras; two: drawn between them")
    parser.add_argument("--seed", type=int, default=500)
    parser.add_argument("--flame", type=Path, help="flame2023_open_shape60.npz: shapes that the prior was not learned from")
    parser.add_argument("--flame-every", type=int, default=1, help="every so many-th subject has such a shape")
    parser.add_argument("--smile", action="store_true", help="on the photos; the truth is the face at rest")
    parser.add_argument("--assets", type=Path, default=Path("../shared/data/makehuman_cc0"))
    words = parser.parse_args()
    wearer = wearer_for("open", str(words.assets) if words.assets.is_dir() else "")
    every = words.flame_every
    other = wearer if words.flame is None else flame_shaped(wearer, words.flame)
    digits = max(2, len(str(words.heads - 1)))
    for k in range(words.heads):
        yaw = float(np.random.default_rng(k).uniform(min(words.yaw), max(words.yaw)))
        write_head(
            other if k % every == every - 1 else wearer, words.out / f"subject{k:0{digits}d}", yaw, words.seed + k, words.smile
        )


if __name__ == "__main__":
    main()
