"""FaceScape's protocol on spheres: what the depth alignment takes out, and what it leaves in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from facestudio.errors import DatasetError
from facestudio.evaluate.facescape_protocol import flattened, read_predef, score_lab, score_wild
from facestudio.types import Camera, Float64Array, Mesh

K = np.array([[1200.0, 0, 127.5], [0, 1200.0, 127.5], [0, 0, 1.0]])
CENTRE = np.array([0.0, 0.0, 1481.48])
UPRIGHT = np.diag([1.0, -1.0, -1.0])  # a head's y up and z forward, as an OpenCV camera sees it


def ball(radius: float = 80.0, offset: tuple[float, float, float] = (0.0, 0.0, 0.0), front: bool = False) -> Mesh:
    """A sphere, mm; front: only its half before the camera (+z)."""
    found = trimesh.creation.icosphere(subdivisions=5, radius=radius)
    vertices, faces = np.asarray(found.vertices, np.float64), np.asarray(found.faces, np.int64)
    if front:
        faces = faces[(vertices[faces][..., 2] > 0).all(1)]
    return Mesh(vertices + offset, faces)


def before_camera(mesh: Mesh) -> Mesh:
    return Mesh(mesh.vertices @ UPRIGHT.T + CENTRE, mesh.faces)


def lab(prediction: Mesh) -> tuple[float, float, float]:
    s = score_lab(before_camera(ball()), prediction, K, UPRIGHT, CENTRE)
    return s.cd_mm, s.mne_rad, s.cr


def test_a_head_that_stands_too_far_and_is_as_much_larger_is_right() -> None:
    """The picture cannot tell: the alignment takes out depth, growing the head about the camera.

    Not exactly: the benchmark takes the shift by a median and turns it into a factor by a mean. Without the alignment it would be 16 mm.
    """
    cd, mne, cr = lab(Mesh(before_camera(ball()).vertices * 1.2, ball().faces))
    assert cd < 0.5
    assert mne == pytest.approx(0.0, abs=5e-3)
    assert cr == 1.0


def test_a_head_beside_itself_is_wrong() -> None:
    """A shift d across the picture is not taken out: distances are d |cos| about the sphere, on average d 2 / pi at its belt."""
    truth, moved = before_camera(ball()), before_camera(ball(offset=(6.0, 0.0, 0.0)))
    s = score_lab(truth, moved, K, UPRIGHT, CENTRE)
    assert 2.0 < s.cd_mm < 4.0
    assert s.cr == 1.0


def test_half_a_head_covers_half() -> None:
    cd, _, cr = lab(before_camera(ball(front=True)))
    assert cr == pytest.approx(0.5, abs=0.02)
    assert cd == pytest.approx(0.0, abs=0.02)


def test_a_head_elsewhere_has_no_distance() -> None:
    cd, mne, cr = lab(before_camera(ball(offset=(5000.0, 0.0, 0.0))))
    assert np.isnan(cd)
    assert np.isnan(mne)
    assert cr == 0.0


def test_in_the_wild_only_depth_is_taken_out() -> None:
    scale, centre = 128.0, np.array([0.0, 0.0, -2.0])
    truth = ball(offset=(0.0, 0.0, -256.0))

    def scored(mesh: Mesh) -> Float64Array:
        s = score_wild(truth, mesh, scale, np.eye(3), centre)
        return np.array([s.cd_mm, s.mne_rad, s.cr])

    np.testing.assert_allclose(scored(ball(offset=(0.0, 0.0, -200.0))), [0.0, 0.0, 1.0], atol=0.01)
    larger = scored(ball(84.0, offset=(0.0, 0.0, -256.0)))
    assert 2.0 < larger[0] < 6.0  # its front is brought to the truth's: 0 there, 8 mm behind
    assert scored(ball(offset=(0.0, 0.0, -256.0), front=True))[2] == pytest.approx(0.5, abs=0.02)


def test_a_perspective_head_is_flattened_where_the_picture_shows_it() -> None:
    camera = Camera(K, UPRIGHT, np.array([0.01, -0.02, 1.5]), 256, 256)
    nose = np.array([[0.0, 0.0, 0.0], [0.01, 0.03, 0.0]])
    flat = flattened(nose, camera, 100.0)
    pixels = (nose @ UPRIGHT.T + camera.t) / 1.5 * 1200.0 + 127.5
    np.testing.assert_allclose((flat[:, 0] / 100.0 + 1.0) * 128.0 - 0.5, pixels[:, 0], atol=1e-9)
    np.testing.assert_allclose((1.0 - flat[:, 1] / 100.0) * 128.0 - 0.5, pixels[:, 1], atol=1e-9)
    assert flat[:, 2].mean() == pytest.approx(-200.0)


def test_predef_files_are_checked(tmp_path: Path) -> None:
    np.save(tmp_path / "lab_rotations.npy", np.tile(np.eye(3), (11, 1, 1)))
    with pytest.raises(DatasetError, match="lab_head_centers"):
        read_predef(tmp_path, "lab")
    np.save(tmp_path / "lab_head_centers.npy", np.zeros((2, 3)))
    with pytest.raises(DatasetError, match=r"\(2, 3\), not \(3, 3\)"):
        read_predef(tmp_path, "lab")
    np.save(tmp_path / "lab_head_centers.npy", np.zeros((3, 3)))
    assert read_predef(tmp_path, "lab").rotations.shape == (11, 3, 3)
