"""Any number of frames becomes points; adapting to the very frames brings them nearer to the truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facestudio.errors import Cancelled, FitError
from facestudio.head.registration import closest_points
from facestudio.head.store import load_head
from facestudio.progress import CancelToken
from facestudio.reconstruct.sfm.frames import Frame
from facestudio.reconstruct.sfm.infer import InferConfig, measure
from facestudio.reconstruct.sfm.networks import NetworkConfig, SfmNet
from tests.reconstruct.sfm.heads import orbit

TINY = NetworkConfig(width=8, decoder=(16, 12, 8, 8, 8), pose_shrink=2)


def frames(yaws: tuple[float, ...]) -> list[Frame]:
    scene = orbit(yaws, 128)
    return [Frame(p, c, m, v) for p, c, m, v in zip(scene.pictures, scene.cameras, scene.landmarks, scene.visible, strict=True)]


def error(points: np.ndarray) -> float:
    model = load_head("open")
    return float(closest_points(points, model.template, model.faces).distance.mean())


@pytest.mark.parametrize("yaws", [(-15.0, 15.0), (-40.0, -20.0, 0.0, 20.0, 40.0)])
def test_two_or_more_frames_become_points_near_the_head(yaws: tuple[float, ...]) -> None:
    torch.manual_seed(0)
    net = SfmNet(TINY).eval()
    found = measure(net, 64, frames(yaws), config=InferConfig(adapt_steps=0))
    assert len(found.depths) == len(found.looks) == len(yaws)
    assert found.cloud.points.dtype == np.float32
    assert error(found.cloud.points) < 0.05  # an untrained network says a plane through the head
    for camera, frame in zip(found.cameras, frames(yaws), strict=True):
        assert pytest.approx(frame.camera.R, abs=1e-6) == camera.R  # not to be corrected


def test_adapting_to_the_frames_brings_the_points_nearer() -> None:
    torch.manual_seed(0)
    net = SfmNet(TINY).eval()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    given = frames((-24.0, 0.0, 24.0))
    plane = error(measure(net, 64, given, config=InferConfig(adapt_steps=0)).cloud.points)
    taught = error(measure(net, 64, given, config=InferConfig(adapt_steps=40, adapt_rate=1e-3)).cloud.points)
    assert taught < 0.6 * plane
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())  # the given network is left as it was


def test_one_frame_is_not_enough() -> None:
    with pytest.raises(FitError, match="two photos"):
        measure(SfmNet(TINY).eval(), 64, frames((-15.0, 15.0))[:1])


def test_a_cancel_stops_it() -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        measure(SfmNet(TINY).eval(), 64, frames((-15.0, 15.0)), cancel=cancel)


def test_the_order_of_the_frames_does_not_matter() -> None:
    torch.manual_seed(0)
    net = SfmNet(TINY).eval()
    given = frames((-24.0, 0.0, 24.0))
    config = InferConfig(corrected=True, adapt_steps=0)
    forward, backward = measure(net, 64, given, config=config), measure(net, 64, given[::-1], config=config)
    assert pytest.approx(backward.cameras[2].R, abs=1e-5) == forward.cameras[0].R
    assert forward.depths[0] == pytest.approx(backward.depths[2], abs=1e-5)
