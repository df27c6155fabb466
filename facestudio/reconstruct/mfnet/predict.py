"""From the photos of a capture to MFNet's head: cut the crops, run the network once, decode.

One to three photos: missing views are filled with those there are, a single photo thus being all three (the paper's section 4.3).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from facestudio.errors import FitError, HeadModelError
from facestudio.head.landmarks import embedding
from facestudio.head.model import HeadModel
from facestudio.landmarks.crop import MARGIN, crop_square, warp
from facestudio.landmarks.inference import for_use
from facestudio.landmarks.weights import load_weights, read_extra
from facestudio.paths import models_dir
from facestudio.progress import CancelToken
from facestudio.reconstruct.identity_evidence import IdentityEvidence, load_error, without_prior
from facestudio.reconstruct.mfnet.mirror import SCHEME, Mirror, mirror_of
from facestudio.reconstruct.mfnet.network import MFNet, MFNetConfig, mfnet_for
from facestudio.reconstruct.pose import assumed_camera
from facestudio.types import ByteArray, Camera, Float64Array, View, ViewName

FILE, ERROR_FILE = "mfnet.npz", "mfnet_error.npz"
SCALES = (0.92, 1.08)
_SLOTS = (ViewName.LEFT, ViewName.FRONT, ViewName.RIGHT)
# Which photo stands in for a missing view: the nearest by angle.
_NEAREST = {
    ViewName.LEFT: (ViewName.LEFT, ViewName.FRONT, ViewName.RIGHT),
    ViewName.FRONT: (ViewName.FRONT, ViewName.LEFT, ViewName.RIGHT),
    ViewName.RIGHT: (ViewName.RIGHT, ViewName.FRONT, ViewName.LEFT),
}
_lock = threading.Lock()
_loaded: dict[tuple[Path, str], MFNet] = {}
_mirrors: dict[tuple[str, str, int, int], Mirror] = {}


@dataclass(frozen=True)
class Feedforward:
    """What the network says of one capture, float64.

    identity (S,), standard deviations; expression (E,), unit weights, both as long as the head model's. cameras: one for each photo, head
    frame to that photo. light: (9, 3) for each photo, `geometry.harmonics`. texture: (T,) for each photo, the albedo's code.
    """

    identity: Float64Array
    expression: Float64Array
    cameras: tuple[Camera, ...]
    light: tuple[Float64Array, ...]
    texture: tuple[Float64Array, ...]


def predict_head(
    views: Sequence[View],
    model: HeadModel,
    net: MFNet | None = None,
    scales: Sequence[float] = SCALES,
    cancel: CancelToken | None = None,
) -> Feedforward:
    """MFNet's head from one to three views with landmarks (they say where the face is, no more).

    The codes are the mean over crops of several `scales` (of the usual side) and over the mirrored capture: what a network says wavers
    with the crop, and a face has no side. One after the other, looking at `cancel` between them: all at once take a quarter of a second.

    Cameras are used as far as known; unknown ones are assumed as everywhere (EXIF's focal length, or 60 degrees). Raises FitError for a
    view without landmarks, HeadModelError when there are no weights for the head model.
    """
    net = net or shipped(model)
    slots = slots_of([v.name for v in views])
    mirror = _mirror_for(model, net)
    answers = []
    for scale in scales:
        cut = [cut_crop(v, model, net.config.side, scale * MARGIN) for v in views]
        picture, K, detected = (np.stack(part) for part in zip(*(cut[i] for i in slots), strict=True))
        for flip in (False, True):
            if flip:
                picture, K, detected = _mirrored(picture, K, detected, mirror)
            if cancel is not None:
                cancel.check()
            pictures = torch.from_numpy(picture[None]).permute(0, 1, 4, 2, 3).float() / 255.0
            with torch.inference_mode():
                answers.append(net(pictures, torch.from_numpy(K[None]).float(), torch.from_numpy(detected[None]).float()))
    said = answers[0]  # of the usual side, not mirrored
    identity, expression = (
        torch.cat([getattr(answer, name) for answer in answers]).double().numpy() for name in ("identity", "expression")
    )
    identity = 0.5 * (identity[::2].mean(0) + mirror.identity @ identity[1::2].mean(0))
    expression = 0.5 * (expression[::2].mean(0) + expression[1::2].mean(0)[mirror.expression])
    cameras, light, texture = [], [], []
    for i, view in enumerate(views):
        slot = slots.index(i)
        frame = view.camera or assumed_camera(view.image)
        R, t = said.R[0, slot].double().numpy(), said.t[0, slot].double().numpy()
        cameras.append(Camera(frame.K, R, t, view.image.width, view.image.height, frame.distortion))
        light.append(said.light[0, slot].double().numpy())
        texture.append(said.texture[0, slot].double().numpy())
    return Feedforward(
        _padded(identity, model.identity_basis.shape[2]),
        _padded(expression, model.expression_basis.shape[2]),
        tuple(cameras),
        tuple(light),
        tuple(texture),
    )


def measured_by(identity: Float64Array, folder: Path | None = None) -> IdentityEvidence | None:
    """What an identity (S,) that the shipped network said knows beyond the prior; None where its error is not shipped with it."""
    path = (folder or models_dir()) / ERROR_FILE
    if not path.is_file():
        return None
    error = load_error(path)
    return without_prior(identity[: len(error.error)], error)


def _mirror_for(model: HeadModel, net: MFNet) -> Mirror:
    """The head model's mirror, found once: it takes longer than the network."""
    key = (model.name, model.sha256, net.config.identity, net.config.expression)
    with _lock:
        if key not in _mirrors:
            _mirrors[key] = mirror_of(model, net.config.identity, net.config.expression)
        return _mirrors[key]


def slots_of(names: Sequence[ViewName]) -> list[int]:
    """Which of the given views fills each of the places left, front, right."""
    given = list(names)
    return [given.index(next(n for n in _NEAREST[slot] if n in given)) for slot in _SLOTS]


def cut_crop(view: View, model: HeadModel, side: int, margin: float = MARGIN) -> tuple[ByteArray, Float64Array, Float64Array]:
    """The square of a photo that the network sees, as `training.synth` cuts it.

    Returns the picture (side, side, 3) uint8, its K (3, 3), and the detector's points (D, 2) in it, pixels, in the order of the head
    model's embedding. margin: the crop's side in longer sides of the points' box. Raises FitError for a view without landmarks.
    """
    if view.landmarks is None:
        raise FitError(f"The {view.name} photo has no landmarks.", "Run the landmark detector first.")
    points = view.landmarks.points[embedding(model, SCHEME).ids]  # whatever other landmarks stand behind mediapipe's
    crop = crop_square(points, side, margin)
    camera = crop.camera(view.camera or assumed_camera(view.image))
    return warp(view.image.pixels, crop), camera.K, crop.to_crop(points)


def _mirrored(
    pictures: ByteArray, K: Float64Array, detected: Float64Array, mirror: Mirror
) -> tuple[ByteArray, Float64Array, Float64Array]:
    """The three crops of a capture (3, S, S, 3) as the mirror shows them: left and right change places."""
    side = pictures.shape[1]
    K, detected = K[::-1].copy(), detected[::-1][:, mirror.detected].copy()
    K[:, 0, 2] = side - 1 - K[:, 0, 2]
    detected[..., 0] = side - 1 - detected[..., 0]
    return np.ascontiguousarray(pictures[::-1, :, ::-1]), K, detected


def shipped(model: HeadModel, folder: Path | None = None) -> MFNet:
    """The network that FaceStudio ships, loaded once per process. Raises HeadModelError when it was trained for another head model."""
    path = (folder or models_dir()) / FILE
    with _lock:
        if (path, model.name) not in _loaded:
            network = read_network(path, model)
            for_use(network)
            _loaded[path, model.name] = network
        return _loaded[path, model.name]


def read_network(path: Path, model: HeadModel) -> MFNet:
    """A network from a file of `facestudio train mfnet`. Raises HeadModelError."""
    extra = read_extra(path)
    try:
        meta = json.loads(bytes(extra["meta"]).decode())
        config, head = MFNetConfig(**meta["config"]), str(meta["head_model"])
    except (KeyError, TypeError, ValueError) as error:
        raise HeadModelError(f"{path} is no MFNet ({error}).", "Reinstall FaceStudio, or train it again.") from error
    if head != model.name:
        raise HeadModelError(
            f"The MFNet in {path.name} knows the head model {head}, not {model.name}.",
            "Use that head model, or train MFNet for yours: facestudio train mfnet.",
        )
    net = mfnet_for(model, config)
    load_weights(net, path)
    return net.eval()


def _padded(codes: Float64Array, length: int) -> Float64Array:
    out = np.zeros(length)
    out[: len(codes)] = codes
    return out
