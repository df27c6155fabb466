"""Re-render every photo from its head and camera: `python -m tests.benchmarks.bench_texture_fidelity RESULTS [--rebuild]`.

RESULTS: folders with NAME.head.npz, below any depth, as `facestudio reconstruct` writes them. Inside the face (skin, lips, lids; eyes
too) the picture drawn with the texture, without any light, is compared with the photo: PSNR in sRGB, SSIM (Wang et al. 2004) of the
luma. Light that differs between the photos counts as error: there is one texture for all of them. --rebuild: with the texture that the
present code makes from the saved photos, instead of the saved one. --ceiling BENCH: what a texture without grain could get at best.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from facestudio.export.saved import SavedHead, load_head
from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import interpolate, rasterize
from facestudio.geometry.shading import resized
from facestudio.landmarks.segmentation import foreground_mask
from facestudio.texture.build import build_texture
from facestudio.types import BoolArray, ByteArray, Camera, Float64Array

PARTS = ("face", "lips", "eyelids", "eye_left", "eye_right", "skin")
WORST = 10
JPEG_QUALITY = 92  # of the bench's photos
SAMPLES = 3  # per pixel and axis
GROUPS = {"eyeballs": ("eye_left", "eye_right"), "lids": ("eyelids",), "lips": ("lips",)}
BORDER = 25  # pixels of a 1280 pixel photo, both sides together


@dataclass(frozen=True)
class Fidelity:
    """How one photo is explained: PSNR in dB and SSIM inside the face; bias: mean difference drawn - photo, sRGB values.

    parts: of each part, its share of the face, of the squared error, and what it takes from the SSIM. ceiling: the SSIM of the
    photo freed of its grain with the same under new grain of the bench's strength and through JPEG: what a perfect texture would get.
    """

    name: str
    view: str
    psnr: float
    ssim: float
    bias: float
    parts: dict[str, Float64Array]
    ceiling: float


def redraw(head: SavedHead, camera: Camera, albedo: ByteArray) -> tuple[ByteArray, BoolArray, dict[str, BoolArray]]:
    """The head without light as the camera sees it (H, W, 3) uint8, where the face is, (H, W) bool, and where its parts are."""
    model, r = head.model, head.reconstruction
    # A camera's pixel is the mean of what falls on it: lids, lips and nostrils end softly in a photo, and so they do here.
    finer = resized(camera, SAMPLES * camera.height, SAMPLES * camera.width)
    fragments = rasterize(screen(finer, r.posed_vertices), model.faces, finer.height, finer.width)
    uv = np.asarray(interpolate(fragments, model.uv_faces, model.uv), dtype=np.float32)
    face = (fragments.pix_to_face >= 0) & model.part_faces(*PARTS)[np.maximum(fragments.pix_to_face, 0)]
    # The texture is finer than the photo: averaged down to twice the samples' density, it does not alias.
    inside = face[1:, 1:] & face[:-1, 1:] & face[1:, :-1]
    step = np.linalg.norm(np.diff(uv, axis=1)[:-1], axis=-1)[inside]
    side = int(np.clip(2.0 / max(float(np.median(step)), 1e-6), 256, albedo.shape[0]))
    small = cv2.resize(albedo, (side, side), interpolation=cv2.INTER_AREA)
    x, y = uv[..., 0] * side - 0.5, (1 - uv[..., 1]) * side - 0.5
    drawn = cv2.remap(small, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    picture = cv2.resize(drawn, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    whole = shrunk(face, camera) > 0.999
    parts, rest = {}, whole
    for name, among in GROUPS.items():
        on = (fragments.pix_to_face >= 0) & model.part_faces(*among)[np.maximum(fragments.pix_to_face, 0)]
        parts[name] = rest & (shrunk(on, camera) > 0.5)
        rest = rest & ~parts[name]
    # Where the skin turns away, near the border, another photo's texture is seen.
    inner = cv2.erode(whole.astype(np.uint8), np.ones((BORDER, BORDER), np.uint8)) > 0
    parts |= {"skin near the border": rest & ~inner, "skin inside": rest & inner}
    return np.asarray(picture, dtype=np.uint8), whole, parts


def shrunk(mask: BoolArray, camera: Camera) -> Float64Array:
    """(H, W): which share of each pixel the finer mask covers."""
    return np.asarray(cv2.resize(mask.astype(np.float32), (camera.width, camera.height), interpolation=cv2.INTER_AREA))


def ssim(a: Float64Array, b: Float64Array) -> Float64Array:
    """(H, W): structural similarity of two pictures in [0, 255], Gaussian windows of sigma 1.5."""

    def blur(x: Float64Array) -> Float64Array:
        return np.asarray(cv2.GaussianBlur(x, (11, 11), 1.5))

    ma, mb = blur(a), blur(b)
    va, vb, cov = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return np.asarray((2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2)))


def under_grain(photo: ByteArray, sigma: float) -> tuple[ByteArray, ByteArray]:
    """A photo (H, W, 3) freed of its grain (non-local means), and the same under new grain of that strength, grey as the bench's is."""
    clean = np.asarray(cv2.fastNlMeansDenoisingColored(photo, None, sigma, sigma, 5, 15), np.uint8)
    grain = np.random.default_rng(0).normal(0.0, sigma, clean.shape[:2])[..., None]
    _, jpeg = cv2.imencode(".jpg", np.clip(clean + grain, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return clean, np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


def measure(head: SavedHead, albedo: ByteArray, pictures: Path | None = None, bench: Path | None = None) -> list[Fidelity]:
    """One row per photo. pictures: a folder for photo, drawing and difference side by side. bench: its meta.json give the grain."""
    effects = json.loads((bench / head.name / "meta.json").read_text(encoding="utf-8"))["effects"] if bench else {}
    found = []
    luma = np.array([0.299, 0.587, 0.114])
    for view, camera in zip(head.reconstruction.views, head.reconstruction.cameras, strict=True):
        drawn, face, regions = redraw(head, camera, albedo)
        # A window on the face's border would look at what is not the face.
        core = cv2.erode(face.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        photo = view.image.pixels.astype(np.float64)
        mixed = np.where(face[..., None], drawn, photo)
        off = (mixed - photo)[core]
        psnr = 10 * np.log10(255.0**2 / max(float((off**2).mean()), 1e-9))
        likeness = ssim(mixed @ luma, photo @ luma)
        squares = ((mixed - photo) ** 2).sum(axis=-1)
        parts = {
            name: np.array(
                [
                    (core & on).sum() / core.sum(),
                    squares[core & on].sum() / max(float(squares[core].sum()), 1e-9),
                    (1 - likeness)[core & on].sum() / core.sum(),
                ]
            )
            for name, on in regions.items()
        }
        ceiling = np.nan
        if effects:
            clean, grained = under_grain(view.image.pixels, effects[view.name]["noise_sigma_255"])
            ceiling = float(ssim(clean @ luma, grained @ luma)[core].mean())
        found.append(
            Fidelity(head.name, str(view.name), float(psnr), float(likeness[core].mean()), float(off.mean()), parts, ceiling)
        )
        if pictures is not None:
            y, x = np.flatnonzero(face.any(1)), np.flatnonzero(face.any(0))
            window = (slice(y[0], y[-1] + 1), slice(x[0], x[-1] + 1))
            gap = np.clip(128 + 2 * (mixed - photo), 0, 255)
            row = np.concatenate([photo[window], mixed[window], gap[window]], axis=1)
            cv2.imwrite(str(pictures / f"{head.name}_{view.name}.png"), row[..., ::-1])
    return found


def rebuilt(head: SavedHead) -> ByteArray:
    """The texture that the present code makes from the saved photos."""
    r = head.reconstruction
    masks = [foreground_mask(v.image) for v in r.views]
    size = int(head.texture.albedo.shape[0])
    return build_texture(head.model, r.posed_vertices, r.views, r.cameras, size, foreground=masks).albedo


def table(rows: Sequence[Fidelity]) -> str:
    """Means, and the worst ten."""
    psnr, likeness, ceiling = (np.mean([getattr(r, field) for r in rows]) for field in ("psnr", "ssim", "ceiling"))
    lines = [f"{len(rows)} photos: PSNR {psnr:.2f} dB, SSIM {likeness:.4f} (means)"]
    if np.isfinite(ceiling):
        lines.append(f"A perfect texture without grain would get SSIM {ceiling:.3f}")
    for name in rows[0].parts:
        area, error, loss = np.mean([r.parts[name] for r in rows], axis=0)
        lines.append(f"{name:>20}: {area:5.1%} of the face, {error:5.1%} of the squared error, takes {loss:.4f} from the SSIM")
    for view in sorted({r.view for r in rows}):
        own = [r for r in rows if r.view == view]
        lines.append(f"{view:>6}: {np.mean([r.psnr for r in own]):.2f} dB, {np.mean([r.ssim for r in own]):.3f}")
    lines.append(f"The worst {WORST}:")
    lines += [
        f"{r.name:>16} {r.view:>6} {r.psnr:6.2f} dB {r.ssim:.3f} bias {r.bias:+.1f}, eyeballs {r.parts['eyeballs'][1]:.0%} of the error"
        for r in sorted(rows, key=lambda r: r.psnr)[:WORST]
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the table for all heads below the given folders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--rebuild", action="store_true")
    parser.add_argument("--pictures", type=Path, help="folder for photo, drawing and twice the difference, side by side")
    parser.add_argument(
        "--ceiling", type=Path, metavar="BENCH", help="also what the photos' own grain costs; BENCH: as bench/dev"
    )
    options = parser.parse_args()
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    rows: list[Fidelity] = []
    for path in sorted(p for folder in options.results for p in folder.rglob("*.head.npz")):
        head = load_head(path)
        rows += measure(head, rebuilt(head) if options.rebuild else head.texture.albedo, options.pictures, options.ceiling)
    sys.stdout.write(table(rows))


if __name__ == "__main__":
    main()
