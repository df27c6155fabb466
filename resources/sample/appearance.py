"""What the sample's subject wears and looks like: eyeballs, hair, clothes and the painted skin and eyes (numpy, OpenCV)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import strands
import subject
from identity import Person, from_base, to_base
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SKIN = "skins/textures/middleage_lightskinned_male_diffuse2.png"
EYE = "eyes/materials/brownlight_eye.png"
BROW = "eyebrows/eyebrow010/eyebrow010"
# The collar's upper edge, decimetres: an ellipse about the neck, seen from above: z of its middle, half its width, half its depth.
COLLAR = (0.27, 0.98, 0.60)
BEARD = np.array([0.06, 0.10, 0.12], np.float32)  # what a shaved beard takes from blue, green and red
TOE_OUT = 4.0  # degrees: MakeHuman's lids open further out than its eyeballs sit; a gaze of 0 would look cross-eyed


def texture_at(path: Path, uv: Floats, channel: int | None = None, blur: float = 0.0) -> Floats:
    """A picture's grey value (or one channel), 0..1, at texture coordinates (N, 2), v up."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.float32) / 255
    grey = picture[..., channel] if channel is not None else picture[..., :3].mean(-1)
    if blur:
        grey = cv2.GaussianBlur(grey, (0, 0), blur)
    h, w = grey.shape
    at = np.stack([uv[:, 0] * w - 0.5, (1 - uv[:, 1]) * h - 0.5], axis=1).astype(np.float32)
    return cv2.remap(grey, at[None, :, 0], at[None, :, 1], cv2.INTER_LINEAR)[0].astype(np.float64)


def eyeballs(centre: Floats, radius: float, toe_in: float) -> tuple[Floats, Floats, Ints, Floats]:
    """An eyeball and the tear film over it (same topology), faces, and per-corner texture coordinates of the eye pictures."""
    rings, around, iris = 40, 48, 0.0059
    limbus = np.arcsin(iris / radius)
    theta = np.concatenate([np.linspace(0, limbus, 14), np.linspace(limbus, 2.2, rings - 13)[1:]])
    phi = np.arange(around) * 2 * np.pi / around
    inside = theta <= limbus
    # The iris is a shallow dish behind the limbus' plane; the cornea a bulge of 8 mm radius before it.
    depth = np.where(inside, radius * np.cos(limbus) - 0.0005 * (1 - (theta / limbus) ** 2), radius * np.cos(theta))
    bulge = np.sqrt(np.maximum(0.0080**2 - (radius * np.sin(theta)) ** 2, 0.0)) - np.sqrt(0.0080**2 - iris**2)
    film = np.where(inside, radius * np.cos(limbus) + bulge, radius * np.cos(theta)) + 0.0001
    shells = []
    for z, r in ((depth, radius * np.sin(theta)), (film, (radius + 0.0001) * np.sin(theta))):
        p = np.stack([np.outer(r, np.cos(phi)), np.outer(r, np.sin(phi)), np.repeat(z[:, None], around, 1)], -1).reshape(-1, 3)
        c, s = np.cos(toe_in), np.sin(toe_in)
        shells.append(p @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]) + centre)
    i, j = np.meshgrid(np.arange(len(theta) - 1), np.arange(around), indexing="ij")
    k = (j + 1) % around
    faces = np.stack([i * around + j, (i + 1) * around + j, (i + 1) * around + k, i * around + k], -1).reshape(-1, 4)
    reach = np.where(inside, 0.115 * np.sin(theta) / np.sin(limbus), 0.115 + 0.17 * (theta - limbus) / (np.pi / 2 - limbus))
    reach = np.minimum(reach, 0.29)
    uv = np.stack([0.7066 + np.outer(reach, np.cos(phi)), 0.704 + np.outer(reach, np.sin(phi))], -1).reshape(-1, 2)
    return shells[0], shells[1], faces, uv[faces]


def lid_lines(points: Floats, centre: Floats, bins: int = 13) -> tuple[Floats, Floats]:
    """Root and tip polylines of a lash card: per step across the eye the point nearest to and farthest from the eyeball's centre."""
    order = np.argsort(points[:, 0])
    far = np.linalg.norm(points - centre, axis=1)
    groups = np.array_split(order, bins)
    root = np.array([points[g[np.argmin(far[g])]] for g in groups])
    tip = np.array([points[g[np.argmax(far[g])]] for g in groups])
    return root, tip


def make_strands(base: subject.Base, v: Floats, assets: Path, eyes: dict[str, Floats]) -> dict[str, Floats]:
    """Hair, brows and lashes for the subject whose base vertices are v (head frame). eyes: the middle of each eyeball."""
    rng = np.random.default_rng(20)
    body = base.groups["body"]
    quads, uv_quads = base.quads[body], base.uv_quads[body]
    n = subject.normals(v, quads)
    tris, uv_tris = subject.triangles(quads), subject.triangles(uv_quads)
    head = v[tris].mean(1)[:, 1] > -0.06
    tris, uv_tris = tris[head], uv_tris[head]
    scalp = strands.scalp_density(v)
    ear = np.abs(v[tris].mean(1)[:, 0]) > 0.0835
    density = scalp[tris].mean(1) * ~ear
    style = strands.HairStyle()
    roots, normal, ids, bary = strands.sample_surface(tris, v, n, density, style.strands, rng)
    edge = strands.smooth(np.einsum("nk,nk->n", bary, scalp[tris[ids]]), 0.2, 1.0)
    used = np.unique(tris)
    hair = strands.scalp_hair(roots, normal, edge, v[used], n[used], style, rng)

    card = subject.read_obj(assets / f"{BROW}.obj")
    fitted = subject.fit_clothes(assets / f"{BROW}.mhclo", v)
    card_tris, card_uv = subject.triangles(card.quads), subject.triangles(card.uv_quads)
    p, _, ids, bary = strands.sample_surface(card_tris, fitted, fitted, np.ones(len(card_tris)), 30000, rng)
    alpha = texture_at(assets / f"{BROW}.png", np.einsum("nk,nkc->nc", bary, card.uv[card_uv[ids]]), channel=3, blur=2.5)
    keep = np.flatnonzero(rng.random(len(p)) < alpha**1.2)[:1300]
    near = cKDTree(v[used]).query(p[keep], k=4)
    weight = 1 / (near[0] + 1e-5)
    weight /= weight.sum(1, keepdims=True)
    skin_normal = strands.unit((n[used][near[1]] * weight[..., None]).sum(1))
    skin_point = (v[used][near[1]] * weight[..., None]).sum(1)
    p = p[keep] - ((p[keep] - skin_point) * skin_normal).sum(1, keepdims=True) * skin_normal
    side = np.sign(p[:, 0])
    span = np.abs(p[:, 0])
    t = np.clip((span - span.min()) / (np.quantile(span, 0.995) - span.min()), 0, 1)
    brow = strands.brows(p, skin_normal, t, side, rng)

    lash = []
    for name, eye in eyes.items():
        for lid, upper in ((2, True), (1, False)):
            ids = np.unique(base.quads[base.groups[f"helper-{name}-eyelashes-{lid}"]])
            root, tip = lid_lines(v[ids], eye)
            lash.append(strands.lashes(root, tip, upper, 4200 if upper else 2200, rng))
    return {"hair": hair, "brows": brow, "lashes": np.concatenate(lash)}


def around_neck(points: Floats) -> Floats:
    """How far out from the neck points (N, 3) in base decimetres lie: 1 on the collar's upper edge."""
    middle, width, depth = COLLAR
    # The throat leans forward with height, so the ellipse reaches further to the front there.
    reach = depth + np.where(points[:, 2] > middle, 0.5 * np.maximum(points[:, 1] - 6.1, 0.0), 0.0)
    return np.asarray(np.hypot(points[:, 0] / width, (points[:, 2] - middle) / reach))


def clothes(base: subject.Base, person: Person) -> dict[str, Floats | Ints]:
    """A crew-neck T-shirt cut from the torso's own surface, relaxed so that it hangs, and its collar."""
    quads = base.quads[base.groups["body"]]
    raw = to_base(person, person.body)
    n = subject.normals(raw, quads)
    tris = subject.triangles(quads)
    middle = raw[tris].mean(1)
    tris = tris[(middle[:, 1] > 2.5) & (middle[:, 1] < 6.85) & (np.abs(middle[:, 0]) < 3.6)]
    loose = raw.copy()
    pairs = np.unique(np.sort(np.concatenate([tris[:, [0, 1]], tris[:, [1, 2]], tris[:, [2, 0]]]), axis=1), axis=0)
    degree = np.bincount(pairs.ravel(), minlength=len(raw))[:, None]
    for turn_number in range(24):
        total = np.zeros_like(loose)
        np.add.at(total, pairs[:, 0], loose[pairs[:, 1]])
        np.add.at(total, pairs[:, 1], loose[pairs[:, 0]])
        relaxed = np.divide(total, degree, out=loose.copy(), where=degree > 0)
        height = ((relaxed - raw) * n).sum(1, keepdims=True)
        # Cloth rests on shoulders and neck, and at the end bridges what the chest shows (the body below is not rendered).
        floor = np.where((raw[:, 1:2] > 5.75) | (turn_number < 14), 0.045, -1.0)
        loose = relaxed + np.maximum(floor - height, 0) * n
    out: dict[str, Floats | Ints] = {}
    for name, lift, inner, outer in (("shirt", 0.0, 1.12, 99.0), ("collar", 0.012, 1.0, 1.19)):
        cloth, faces = subject.clip(loose + lift * n, tris, inner - around_neck(loose))
        cloth, faces = subject.clip(cloth, faces, around_neck(cloth) - outer)
        out[f"{name}_v"], out[f"{name}_f"] = from_base(person, cloth), faces
    return out


def paint_skin(base: subject.Base, v: Floats, assets: Path, folder: Path) -> str:
    """The skin picture without the stubble that MakeHuman paints on scalp and upper forehead, dark under the hair; returns its path."""
    picture = cv2.imread(str(assets / SKIN)).astype(np.float32) / 255
    h, w = picture.shape[:2]
    hair, bare, beard = (np.zeros((h, w), np.float32) for _ in range(3))
    dense, forehead, shaved = strands.scalp_density(v), strands.above_brows(v), strands.beard(v)
    body = base.groups["body"]
    corners = np.stack([base.uv[..., 0] * w - 0.5, (1 - base.uv[..., 1]) * h - 0.5], axis=-1)
    for quad, uv_quad in zip(base.quads[body], base.uv_quads[body], strict=True):
        if max(forehead[quad].max(), shaved[quad].max()) > 0:
            outline = np.rint(corners[uv_quad] * 16).astype(np.int32)
            cv2.fillConvexPoly(hair, outline, float(dense[quad].mean()), cv2.LINE_8, 4)
            cv2.fillConvexPoly(beard, outline, float(shaved[quad].mean()), cv2.LINE_8, 4)
            cv2.fillConvexPoly(bare, outline, float(forehead[quad].mean()), cv2.LINE_8, 4)
    hair, bare, beard = (cv2.GaussianBlur(m, (0, 0), 8.0)[..., None] for m in (hair, bare, beard))
    clean = cv2.GaussianBlur(picture, (0, 0), 12.0)
    middle = np.median(picture[(bare[..., 0] > 0.15) & (bare[..., 0] < 0.6) & (hair[..., 0] < 0.05)], axis=0)
    picture = picture * (1 - bare) + bare * np.clip(middle + 0.5 * (picture - clean), 0, 1)
    picture = picture * (1 - 0.6 * hair) * (1 - beard * BEARD)
    path = folder / "skin.png"
    cv2.imwrite(str(path), np.clip(picture * 255, 0, 255).astype(np.uint8))
    return str(path)


def paint_eye(assets: Path, folder: Path) -> str:
    """The eye picture with a darker, natural iris and a whiter sclera; returns its path."""
    picture = cv2.imread(str(assets / EYE))[..., :3].astype(np.float32) / 255
    h, w = picture.shape[:2]
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    r = np.hypot(x - 0.7066 * w, y - (1 - 0.704) * h) / w
    iris = (1 - strands.smooth(r.astype(np.float64), 0.108, 0.122))[..., None]
    pupil = strands.smooth(r.astype(np.float64), 0.040, 0.047)[..., None]
    soft = cv2.GaussianBlur(picture, (0, 0), 2.5)
    brown = soft * np.array([0.85, 0.78, 0.78]) * pupil
    sclera = np.clip(cv2.GaussianBlur(picture, (0, 0), 2.0) * np.array([1.10, 1.10, 1.10]), 0, 1)
    path = folder / "eye.png"
    cv2.imwrite(str(path), np.clip((brown * iris + sclera * (1 - iris)) * 255, 0, 255).astype(np.uint8))
    return str(path)
