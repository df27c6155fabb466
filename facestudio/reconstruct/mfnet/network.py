"""MFNet's network: three pictures in, one identity and expression out, and a pose, camera, texture and light for each picture.

    picture a, b, c ──trunk (shared)──> feature of each view ──┬──> own FC: pose θ (6), camera (3), texture code, light (27)
                                                               └──> all three side by side ──fusion FC──> identity β, expression ψ

Paper: Zheng et al., "MFNet" (section 3.1, 3.3, figure 1). `PAPER` is its network: ResNet-50, features of 2048, one fully connected layer
for the fusion and one for each view. `SMALL` is what FaceStudio ships, made for a processor; it departs from the paper in this:

* ResNet-18 at 128 pixels;
* the trunk also says where the dense landmarks are, and the fusion is given what the average head's pose cannot explain of them
  (`align`), in millimetres: a shape lives in positions, which the trunk's average over the picture forgets;
* for the same reason the fusion sees a small map of the last stage (1x1 convolution) beside the average;
* the fusion knows the crop's camera (focal length in crop sides, place in the picture) and has one hidden layer;
* each view's pose and camera are corrections of the pose so found, not of a face that looks straight ahead.

Both are the same class below. Perspective cameras come from the crop in closed form, see `perspective`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from facestudio.geometry.shading import vertex_normals
from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.model import HeadModel
from facestudio.landmarks.resnet import Depth, ResNet
from facestudio.reconstruct.mfnet.align import Aligned, align
from facestudio.reconstruct.mfnet.perspective import camera_code, rotation, straight, translation

VIEWS = 3
POSE, CAMERA, LIGHT = 6, 3, 27


@dataclass(frozen=True)
class MFNetConfig:
    """What the network is made of.

    depth: of the ResNet. side: of the crops, pixels. identity, expression, texture: lengths of the codes.
    hidden: width of the fusion's hidden layer, 0 for a single fully connected layer. map_channels: of the map that the fusion sees of the
    last stage, 0 for none. landmarks: how many dense landmarks the trunk says, 0 for none; residuals: whether the fusion sees what the
    average head leaves of them. camera_input: whether the fusion knows the crop's camera.
    """

    depth: Depth = 18
    side: int = 128
    identity: int = 150
    expression: int = 52
    texture: int = 16
    hidden: int = 512
    map_channels: int = 16
    landmarks: int = 800
    camera_input: bool = True

    def to_json(self) -> dict[str, int | bool]:
        """As kept beside the weights."""
        return asdict(self)


PAPER = MFNetConfig(50, 224, 100, 50, 50, hidden=0, map_channels=0, landmarks=0, camera_input=False)
SMALL = MFNetConfig()


@dataclass(frozen=True)
class Prediction:
    """What the network says about B captures of three views (left, front, right).

    identity (B, S), standard deviations. expression (B, E), unit weights. texture (B, 3, T). light (B, 3, 9, 3), `geometry.harmonics`.
    R (B, 3, 3, 3), t (B, 3, 3) metres: head frame to camera. jaw (B, 3, 3): axis-angle of the jaw, radians.
    landmarks (B, 3, L, 2) crop pixels and log_sigma (B, 3, L), log of their standard deviation in pixels; None without landmarks.
    """

    identity: Tensor
    expression: Tensor
    texture: Tensor
    light: Tensor
    R: Tensor
    t: Tensor
    jaw: Tensor
    landmarks: Tensor | None = None
    log_sigma: Tensor | None = None


class MFNet(nn.Module):
    """See the module. mean, normals: (L, 3) float32, the average head's dense landmarks, metres, and their normals, head frame.

    used: (L,) bool: the landmarks that pose and residuals rest on (skin that hair does not cover).
    """

    mean: Tensor
    normals: Tensor
    used: Tensor

    def __init__(self, config: MFNetConfig, mean: Tensor, normals: Tensor, used: Tensor) -> None:
        super().__init__()
        self.config = config
        self.trunk = ResNet(config.depth)
        width = self.trunk.channels
        fused = width + CAMERA * config.camera_input
        if config.map_channels:
            self.to_map = nn.Conv2d(width, config.map_channels, 1)
            fused += config.map_channels * (config.side // 32) ** 2
        if config.landmarks:
            self.to_landmarks = nn.Linear(width, 3 * config.landmarks)
            fused += 2 * int(used.sum())
        self.register_buffer("mean", mean.float(), persistent=False)
        self.register_buffer("normals", normals.float(), persistent=False)
        self.register_buffer("used", used.bool(), persistent=False)
        codes = config.identity + config.expression
        if config.hidden:
            self.fusion: nn.Module = nn.Sequential(
                nn.Linear(VIEWS * fused, config.hidden), nn.ReLU(), nn.Linear(config.hidden, codes)
            )
        else:
            self.fusion = nn.Linear(VIEWS * fused, codes)
        self.view = nn.Linear(width, POSE + CAMERA + config.texture + LIGHT)
        for layer in (self.view, self.fusion if isinstance(self.fusion, nn.Linear) else self.fusion[-1]):
            assert isinstance(layer, nn.Linear)
            nn.init.normal_(layer.weight, std=1e-3)  # training starts from the average head, seen straight on
            nn.init.zeros_(layer.bias)

    def forward(self, crops: Tensor, K: Tensor) -> Prediction:
        """crops (B, 3, 3, S, S) float in [0, 1], RGB, in the order left, front, right. K (B, 3, 3, 3): of the crops, pixels."""
        batch = len(crops)
        flat_K = K.reshape(-1, 3, 3).float()
        feature_map = self.trunk.stages(crops.flatten(0, 1))[-1]
        feature = feature_map.mean((2, 3))
        seen = [feature]
        if self.config.map_channels:
            seen.append(self.to_map(feature_map).flatten(1))
        if self.config.camera_input:
            seen.append(self._camera_input(flat_K).to(feature.dtype))
        landmarks = log_sigma = None
        R0, code0 = straight(flat_K, self.config.side), torch.zeros_like(flat_K[:, 0])
        if self.config.landmarks:
            landmarks, log_sigma = self._landmarks(feature)
            found = self._align(landmarks, log_sigma, flat_K)
            R0, code0 = found.R, camera_code(found.t, flat_K, self.config.side)
            seen.append((found.residual.flatten(1) / 3.0).to(feature.dtype))  # three millimetres are a usual residual
        fused = torch.cat([part.reshape(batch, -1) for part in seen], 1)
        codes = self.fusion(fused).float()
        pose, camera, texture, light = self.view(feature).float().split([POSE, CAMERA, self.config.texture, LIGHT], 1)
        R = rotation(pose[:, :3]) @ R0
        t = translation(code0 + camera, flat_K, self.config.side)

        def by_view(x: Tensor) -> Tensor:
            return x.reshape(batch, VIEWS, *x.shape[1:])

        return Prediction(
            identity=codes[:, : self.config.identity],
            expression=codes[:, self.config.identity :],
            texture=by_view(texture),
            light=by_view(light).reshape(batch, VIEWS, 9, 3),
            R=by_view(R),
            t=by_view(t),
            jaw=by_view(pose[:, 3:]),
            landmarks=None if landmarks is None else by_view(landmarks),
            log_sigma=None if log_sigma is None else by_view(log_sigma),
        )

    def _camera_input(self, K: Tensor) -> Tensor:
        """(N, 3), of order one: log of the focal length in crop sides, and how far the crop is from the picture's middle, in focals."""
        middle = (self.config.side - 1) / 2.0
        f = K[:, 0, 0]
        return torch.stack([torch.log(f / self.config.side) - 1.0, (middle - K[:, 0, 2]) / f, (middle - K[:, 1, 2]) / f], 1)

    def _landmarks(self, feature: Tensor) -> tuple[Tensor, Tensor]:
        """Landmarks (N, L, 2), crop pixels, and the log (N, L) of their standard deviation, from the trunk's feature."""
        said = self.to_landmarks(feature).float()
        points, log_sigma = said.split([2 * self.config.landmarks, self.config.landmarks], 1)
        half = self.config.side / 2.0
        return points.reshape(len(said), -1, 2) * half + (half - 0.5), log_sigma

    def _align(self, landmarks: Tensor, log_sigma: Tensor, K: Tensor) -> Aligned:
        """The average head's pose, and what it leaves of the landmarks in use."""
        with torch.autocast(landmarks.device.type, enabled=False):
            return align(landmarks[:, self.used], K, self.mean[self.used], self.normals[self.used])


def mfnet_for(model: HeadModel, config: MFNetConfig | None = None) -> MFNet:
    """A new network for a head model: SMALL (or `config`) with codes as long as the model's bases at most.

    The landmarks of the average head come from the model's own embedding of the dense landmarks; those it lacks are not used.
    """
    config = config or SMALL
    identity = min(config.identity, model.identity_basis.shape[2])
    expression = min(config.expression, model.expression_basis.shape[2])
    config = replace(config, identity=identity, expression=expression)
    if not config.landmarks:
        none = torch.zeros(0, 3)
        return MFNet(config, none, none, torch.zeros(0, dtype=torch.bool))
    dense = embedding(model, "dense800")
    known = dense.ids < config.landmarks
    mean, normals = np.zeros((2, config.landmarks, 3))
    used = np.zeros(config.landmarks, bool)
    rows, corners = dense.ids[known], model.faces[dense.faces[known]]
    mean[rows] = on_surface(model.template, model.faces, dense)[known]
    normal = np.einsum("nk,nkc->nc", dense.bary[known], vertex_normals(model.template, model.faces)[corners])
    normals[rows] = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    skin = model.part_vertices("face", "lips", "eyelids", "skin") & ~model.part_vertices("ears", "scalp", "neck")
    used[rows] = skin[corners].all(1)
    return MFNet(config, torch.from_numpy(mean), torch.from_numpy(normals), torch.from_numpy(used))
