"""The dense landmarks: which vertices, in which order, on both head models."""

from __future__ import annotations

import numpy as np
import pytest

from facestudio.errors import HeadModelError
from facestudio.head import dense
from facestudio.head.dense import COUNT, SCHEME, SIZES, attach_dense, dense_ids, dense_mirror, dense_on_face, select
from facestudio.head.landmarks import embedding, landmark_basis, on_surface
from facestudio.head.model import HeadModel
from facestudio.head.open_head.flame_correspondence import read_correspondence


@pytest.fixture(scope="module")
def head(openhead: HeadModel) -> HeadModel:
    return attach_dense(openhead)


@pytest.mark.parametrize("n", SIZES)
def test_each_selection_is_unique_nested_and_its_own_mirror_image(head: HeadModel, n: int) -> None:
    ids, mirror = dense_ids(head, n), dense_mirror()[:n]
    assert len(set(ids.tolist())) == n
    assert np.array_equal(ids, dense_ids(head)[:n])
    assert mirror.max() < n
    assert np.array_equal(head.mirror[ids], ids[mirror])


def test_the_first_68_are_ibugs(head: HeadModel) -> None:
    places = on_surface(head.template, head.faces, embedding(head, "ibug68"))
    gap = np.linalg.norm(places - head.template[dense_ids(head, 68)], axis=1)
    assert np.median(gap[17:]) < 0.0015
    assert gap.max() < 0.009


def test_most_lie_on_the_face_and_none_on_eyes_teeth_or_in_the_mouth(head: HeadModel) -> None:
    for n in SIZES[1:]:
        assert 0.6 <= dense_on_face(head, n).mean() <= 0.7
    hidden = head.part_vertices("eye_left", "eye_right", "teeth", "tongue") & ~head.part_vertices("lips", "face", "eyelids")
    assert not hidden[dense_ids(head)].any()


def test_the_points_are_spread_out(head: HeadModel) -> None:
    points = head.template[dense_ids(head)].astype(np.float64)
    skin = points[dense_on_face(head)]
    apart = np.linalg.norm(skin[:, None] - skin[None], axis=2) + np.eye(len(skin))
    assert 0.006 < np.median(apart.min(1)) < 0.010
    assert np.quantile(apart.min(1), 0.1) > 0.002


def test_selecting_again_gives_what_is_shipped(openhead: HeadModel) -> None:
    vertices, mirror = select(openhead)
    assert np.array_equal(vertices, dense_ids(attach_dense(openhead)))
    assert np.array_equal(mirror, dense_mirror())


def test_the_landmark_basis_is_the_vertices_own(head: HeadModel) -> None:
    basis, ids = landmark_basis(head, SCHEME), dense_ids(head)
    assert np.allclose(basis.mean, head.template[ids], atol=1e-7)
    assert np.allclose(basis.identity, head.identity_basis[ids], atol=1e-7)


def test_attaching_keeps_the_model_s_own_hash(openhead: HeadModel) -> None:
    assert attach_dense(openhead).sha256 == openhead.sha256


def test_flame_has_the_same_points(head: HeadModel, flame: HeadModel) -> None:
    with_dense = attach_dense(flame)
    e = embedding(with_dense, SCHEME)
    assert len(e.ids) > 0.9 * COUNT
    ours = read_correspondence().to_flame(head.template, head.faces)  # OpenHead's mean at FLAME's vertices
    there = on_surface(ours, with_dense.faces, e)
    gap = np.linalg.norm(there - head.template[dense_ids(head)[e.ids]], axis=1)
    assert np.median(gap) < 0.002
    with pytest.raises(HeadModelError, match="not vertices"):
        dense_ids(with_dense)


def test_a_selection_that_does_not_exist_is_refused(head: HeadModel) -> None:
    with pytest.raises(ValueError, match="568"):
        dense_ids(head, 100)


def test_a_model_of_another_topology_gets_none(openhead: HeadModel) -> None:
    from dataclasses import replace

    other = replace(openhead, faces=openhead.faces[:-1], face_parts=openhead.face_parts[:-1])
    assert SCHEME not in dense.attach_dense(other).embeddings
