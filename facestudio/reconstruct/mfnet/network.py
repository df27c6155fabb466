"""MFNet's network: three pictures in, one identity and expression out, and a pose, camera, texture and light for each picture.

    picture a, b, c ──trunk (shared)──> feature of each view ──┬──> own FC: pose θ (6), camera (3), texture code, light (27)
                                                               └──> all three side by side ──fusion FC──> identity β, expression ψ

Paper: Zheng et al., "MFNet" (section 3.1, 3.3, figure 1). `PAPER` is its network: ResNet-50, features of 2048, one fully connected layer
for the fusion and one for each view. `SMALL` is what FaceStudio ships, made for a processor; it departs from the paper in this:

* ResNet-18 at 128 pixels, the trunk of our dense landmark network (as the paper's is DECA's), which also says where the landmarks are;
* the fusion is given what the average head's pose cannot explain of these landmarks (`align`), in millimetres: a shape lives in positions,
  which the trunk's average over the picture forgets;
* for the same reason the fusion sees the trunk's last map (1x1 convolution) beside its average;
* the fusion knows the crop's camera (focal length in crop sides, place in the picture), and has one hidden layer beside a straight one;
* each view's pose and camera are corrections of the pose in which the head so found explains the landmarks best, not of a face that looks
  straight ahead.

Both are the same class below: `look` at each picture, then `say` what the three show. Perspective cameras come from the crop in closed
form, see `perspective`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from facestudio.geometry.shading import vertex_normals
from facestudio.head.dense import SCHEME
from facestudio.head.landmarks import embedding
from facestudio.head.model import HeadModel
from facestudio.landmarks.dense_model import UNIT, DenseLandmarker, DenseNet, to_pixels, to_unit
from facestudio.landmarks.dense_start import StartNet, start_points
from facestudio.landmarks.resnet import Depth, ResNet
from facestudio.reconstruct.mfnet.align import Aligned, align
from facestudio.reconstruct.mfnet.decode import PointDecoder
from facestudio.reconstruct.mfnet.perspective import camera_code, rotation, straight, translation

VIEWS = 3
POSE, CAMERA, LIGHT = 6, 3, 27
DROPOUT = 0.3


@dataclass(frozen=True)
class MFNetConfig:
    """What the network is made of.

    depth: of the ResNet (with landmarks it is the landmark network's, 18). side: of the crops, pixels. identity, expression, texture:
    lengths of the codes. hidden: width of the fusion's hidden layer, 0 for a single fully connected layer. map_channels: of the map that
    the fusion sees of the last stage, 0 for none. landmarks: whether the trunk is that of the landmark network and the fusion sees what the
    average head leaves of the landmarks. camera_input: whether the fusion knows the crop's camera.
    """

    depth: Depth = 18
    side: int = 128
    identity: int = 150
    expression: int = 52
    texture: int = 16
    hidden: int = 512
    map_channels: int = 16
    landmarks: bool = True
    camera_input: bool = True

    def to_json(self) -> dict[str, int | bool]:
        """As kept beside the weights."""
        return asdict(self)


PAPER = MFNetConfig(50, 224, 100, 50, 50, hidden=0, map_channels=0, landmarks=False, camera_input=False)
SMALL = MFNetConfig()


@dataclass(frozen=True)
class Sight:
    """What the trunk sees in N pictures.

    feature (N, C): the average over `map` (N, C, S / 32, S / 32), the last stage. landmarks (N, U, 2) crop pixels, those in use; log_sigma
    (N, U): log of their standard deviation in pixels, seen (N, U) in [0, 1]: whether they can be seen; None without a landmark network.
    """

    feature: Tensor
    map: Tensor
    landmarks: Tensor | None = None
    log_sigma: Tensor | None = None
    seen: Tensor | None = None


@dataclass(frozen=True)
class Prediction:
    """What the network says about B captures of three views (left, front, right).

    identity (B, S), standard deviations. expression (B, E), unit weights. texture (B, 3, T). light (B, 3, 9, 3), `geometry.harmonics`.
    R (B, 3, 3, 3), t (B, 3, 3) metres: head frame to camera. jaw (B, 3, 3): axis-angle of the jaw, radians.
    sight: what the trunk saw in the 3 B pictures.
    """

    identity: Tensor
    expression: Tensor
    texture: Tensor
    light: Tensor
    R: Tensor
    t: Tensor
    jaw: Tensor
    sight: Sight


class MFNet(nn.Module):
    """See the module.

    points: decodes the dense landmarks in use; rows (U,) int64: which they are; normals (U, 3) float32: of the average head there. None,
    empty and empty without a landmark network.
    """

    rows: Tensor
    normals: Tensor

    def __init__(self, config: MFNetConfig, points: PointDecoder | None, rows: Tensor, normals: Tensor) -> None:
        super().__init__()
        self.config, self.points = config, points
        self.register_buffer("rows", rows.long(), persistent=False)
        self.register_buffer("normals", normals.float(), persistent=False)
        self.landmarker = DenseLandmarker(StartNet(), DenseNet()) if config.landmarks else None
        self.own_trunk = None if config.landmarks else ResNet(config.depth)
        width = self.trunk.channels
        fused = width
        if config.camera_input:
            fused += CAMERA
        if config.map_channels:
            self.to_map = nn.Conv2d(width, config.map_channels, 1)
            fused += config.map_channels * (config.side // 32) ** 2
        codes = config.identity + config.expression
        if config.landmarks:
            residuals = 2 * len(rows)
            fused += residuals
            self.straight = nn.Linear(VIEWS * residuals, codes, bias=False)
        if config.hidden:
            self.fusion: nn.Module = nn.Sequential(
                nn.Linear(VIEWS * fused, config.hidden), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(config.hidden, codes)
            )
        else:
            self.fusion = nn.Linear(VIEWS * fused, codes)
        self.view = nn.Linear(width, POSE + CAMERA + config.texture + LIGHT)
        self._start()

    @property
    def trunk(self) -> ResNet:
        """The shared trunk."""
        if self.landmarker is not None:
            return self.landmarker.net.trunk
        assert self.own_trunk is not None
        return self.own_trunk

    def forward(self, crops: Tensor, K: Tensor, detected: Tensor | None = None) -> Prediction:
        """crops (B, 3, 3, S, S) float in [0, 1], RGB, in the order left, front, right. K (B, 3, 3, 3): of the crops, pixels.

        detected (B, 3, D, 2): the detector's points in the crops, pixels: where the landmark network begins to look; needed with landmarks.
        """
        return self.say(self.look(crops.flatten(0, 1), None if detected is None else detected.flatten(0, 1)), K)

    def look(self, pictures: Tensor, detected: Tensor | None = None) -> Sight:
        """What the trunk sees in pictures (N, 3, S, S), with the detector's points (N, D, 2) in them."""
        if self.landmarker is None:
            last = self.trunk.stages((pictures - 0.5) * 4.0)[-1]
            return Sight(last.mean((2, 3)), last)
        if detected is None:
            raise ValueError("a network with landmarks needs the detector's points")
        with torch.autocast(pictures.device.type, enabled=False):
            start = to_unit(start_points(self.landmarker.start, detected.float()), self.config.side)
        found = self.landmarker.net(pictures, start, self.rows)
        log_sigma = found.log_sigma + math.log(UNIT * self.config.side)
        points = to_pixels(found.points, self.config.side)
        return Sight(found.last.mean((2, 3)), found.last, points, log_sigma, torch.sigmoid(found.seen))

    def say(self, sight: Sight, K: Tensor) -> Prediction:
        """The codes of B captures from what the trunk saw in their 3 B pictures, view by view. K (B, 3, 3, 3).

        In full precision whatever surrounds it: cameras cannot live on three digits.
        """
        with torch.autocast(K.device.type, enabled=False):
            return self._say(Sight(*(None if part is None else part.float() for part in vars(sight).values())), K.float())  # type: ignore[arg-type]

    def _say(self, sight: Sight, K: Tensor) -> Prediction:
        batch, side, flat_K = len(K), self.config.side, K.flatten(0, 1)
        seen = [sight.feature]
        if self.config.map_channels:
            seen.append(self.to_map(sight.map).flatten(1))
        if self.config.camera_input:
            seen.append(self._camera_input(flat_K))
        R0, code0 = straight(flat_K, side), torch.zeros_like(flat_K[:, 0])
        direct: Tensor | float = 0.0
        if sight.landmarks is not None and sight.seen is not None and self.points is not None:
            found, residual = self.unexplained(sight, flat_K)
            seen.append(residual)
            direct = self.straight(residual.reshape(batch, -1))
        fused = torch.cat([part.reshape(batch, VIEWS, -1) for part in seen], 2).flatten(1)
        codes = self.fusion(fused) + direct
        identity, expression = codes.split([self.config.identity, self.config.expression], 1)
        if sight.landmarks is not None and sight.seen is not None and self.points is not None:
            head = self.points(identity.detach(), expression.detach()).repeat_interleave(VIEWS, 0)
            found = align(sight.landmarks, flat_K, head, self.normals, sight.seen, (found.R, found.t), steps=2)
            R0, code0 = found.R, camera_code(found.t, flat_K, side)
        pose, camera, texture, light = self.view(sight.feature).split([POSE, CAMERA, self.config.texture, LIGHT], 1)

        def by_view(x: Tensor) -> Tensor:
            return x.reshape(batch, VIEWS, *x.shape[1:])

        return Prediction(
            identity=identity,
            expression=expression,
            texture=by_view(texture),
            light=by_view(light).reshape(batch, VIEWS, 9, 3),
            R=by_view(rotation(pose[:, :3]) @ R0),
            t=by_view(translation(code0 + camera, flat_K, side)),
            jaw=by_view(pose[:, 3:]),
            sight=sight,
        )

    def unexplained(self, sight: Sight, K: Tensor) -> tuple[Aligned, Tensor]:
        """The average head's pose in N views with K (N, 3, 3), and what it leaves of their landmarks, as the fusion sees it: (N, 2 U).

        Raises ValueError for sights without landmarks.
        """
        if sight.landmarks is None or sight.seen is None or self.points is None:
            raise ValueError("without landmarks there is nothing to explain")
        found = align(sight.landmarks, K, self.points.mean, self.normals, sight.seen)
        # Three millimetres are a usual residual; what is hardly seen counts little; no single point shouts.
        return found, (found.residual * found.weight[..., None] / 3.0).clamp(-4.0, 4.0).flatten(1)

    @property
    def last_layer(self) -> nn.Linear:
        """The fusion's last layer, whose answer the straight one is added to."""
        last = self.fusion if isinstance(self.fusion, nn.Linear) else self.fusion.get_submodule("3")
        assert isinstance(last, nn.Linear)
        return last

    def _camera_input(self, K: Tensor) -> Tensor:
        """(N, 3), of order one: log of the focal length in crop sides, and how far the crop is from the picture's middle, in focals."""
        middle = (self.config.side - 1) / 2.0
        f = K[:, 0, 0]
        return torch.stack([torch.log(f / self.config.side) - 1.0, (middle - K[:, 0, 2]) / f, (middle - K[:, 1, 2]) / f], 1)

    def _start(self) -> None:
        """Training starts from the average head where the alignment put it, or straight ahead."""
        for layer in (self.view, self.last_layer, *([self.straight] if self.config.landmarks else [])):
            nn.init.normal_(layer.weight, std=1e-4)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def mfnet_for(model: HeadModel, config: MFNetConfig | None = None) -> MFNet:
    """A new network for a head model: SMALL (or `config`) with codes as long as the model's bases at most.

    The landmarks of the average head come from the model's own embedding of the dense landmarks; those it lacks are not used.
    """
    config = config or SMALL
    identity = min(config.identity, model.identity_basis.shape[2])
    expression = min(config.expression, model.expression_basis.shape[2])
    config = replace(config, identity=identity, expression=expression)
    if not config.landmarks:
        return MFNet(config, None, torch.zeros(0), torch.zeros(0, 3))
    dense = embedding(model, SCHEME)
    corners = model.faces[dense.faces]
    normals = np.einsum("nk,nkc->nc", dense.bary, vertex_normals(model.template, model.faces)[corners])
    skin = model.part_vertices("face", "lips", "eyelids", "skin") & ~model.part_vertices("ears", "scalp", "neck")
    used = skin[corners].all(1)
    points = PointDecoder(model, corners[used], dense.bary[used].astype(np.float64), identity, expression)
    return MFNet(config, points, torch.from_numpy(dense.ids[used]), torch.from_numpy(normals[used]))
