"""One head in two topologies."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from facestudio.errors import HeadModelError
from facestudio.geometry.camera import screen
from facestudio.geometry.rasterize import rasterize
from facestudio.geometry.rotations import exp_so3
from facestudio.geometry.shading import portrait_camera, vertex_normals
from facestudio.head.eyelids import BLINKS, lid_travel
from facestudio.head.model import HeadModel
from facestudio.head.registration import closest_points
from facestudio.head.retarget import (
    ball_of,
    carry_head,
    carry_scalar,
    fit_expression,
    fit_identity,
    named_expressions,
    with_parts,
)
from facestudio.types import Float64Array

FACE = ("face", "lips", "eyelids")


@pytest.fixture(scope="module")
def people(openhead: HeadModel) -> list[Float64Array]:
    """Heads of different people with a displacement that no coefficient explains, standing where a fit may put them."""
    rng = np.random.default_rng(4)
    heads = []
    for _ in range(3):
        identity = rng.normal(size=openhead.identity_basis.shape[2])
        head = openhead.template + openhead.identity_basis.astype(np.float64) @ identity
        bumps = 0.0015 * np.sin(head @ rng.normal(0, 60, (3, 1)))
        head = head + bumps * vertex_normals(head, openhead.faces)
        heads.append(head @ exp_so3(rng.normal(0, 0.02, 3)).T + rng.normal(0, 0.002, 3))
    return heads


def test_flame_s_topology_keeps_the_face_s_surface(openhead: HeadModel, flame: HeadModel, people: list[Float64Array]) -> None:
    for head in people:
        carried = carry_head(head, openhead, flame)
        hit = closest_points(carried, head, openhead.faces)
        on_face = np.isin(hit.faces, np.flatnonzero(openhead.part_faces(*FACE))) & ~flame.part_vertices("eye_left", "eye_right")
        assert on_face.sum() > 1500
        assert np.median(hit.distance[on_face]) <= 0.1e-3
        back = closest_points(head[openhead.part_vertices(*FACE)], carried, flame.faces).distance
        assert np.median(back) <= 0.3e-3
        assert np.percentile(back, 95) <= 1.5e-3


def test_there_and_back_again(openhead: HeadModel, flame: HeadModel, people: list[Float64Array]) -> None:
    back = carry_head(carry_head(people[0], openhead, flame), flame, openhead)
    off = np.linalg.norm(back - people[0], axis=1)
    assert np.median(off[openhead.part_vertices(*FACE)]) <= 0.3e-3
    inside = openhead.part_vertices("teeth", "tongue")
    assert np.percentile(off[inside], 95) <= 4e-3  # FLAME has no teeth: they follow the lips


def test_no_triangle_of_the_face_turns_over(openhead: HeadModel, flame: HeadModel, people: list[Float64Array]) -> None:
    carried = carry_head(people[1], openhead, flame)
    before, after = (
        np.cross(v[flame.faces[:, 1]] - v[flame.faces[:, 0]], v[flame.faces[:, 2]] - v[flame.faces[:, 0]])
        for v in (flame.template, carried)
    )
    agree = (before * after).sum(1) / np.maximum(np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1), 1e-30)
    assert (agree < 0).mean() < 0.005


def test_eyeballs_stay_round_and_in_place(openhead: HeadModel, flame: HeadModel, people: list[Float64Array]) -> None:
    carried = carry_head(people[0], openhead, flame)
    for name in ("eye_left", "eye_right"):
        centre, radius = ball_of(people[0][openhead.part_vertices(name)])
        own = carried[flame.part_vertices(name)]
        own_centre, own_radius = ball_of(own)
        assert np.linalg.norm(own_centre - centre) < 1e-6
        assert own_radius == pytest.approx(radius, rel=1e-6)


def test_coefficients_are_found_again(flame: HeadModel, openhead: HeadModel) -> None:
    rng = np.random.default_rng(0)
    for model in (flame, openhead):
        identity = rng.normal(size=model.identity_basis.shape[2])
        head = model.template + model.identity_basis.astype(np.float64) @ identity
        found = fit_identity(head @ exp_so3(np.array([0.01, 0.0, 0.005])).T + 0.003, model)
        rebuilt = model.template + model.identity_basis.astype(np.float64) @ found
        skin = ~model.part_vertices("eye_left", "eye_right", "teeth", "tongue")
        gap = rebuilt[skin] - head[skin]
        assert np.linalg.norm(gap - gap.mean(0), axis=1).mean() < 0.6e-3
    weights = np.zeros(52)
    weights[[3, 24]] = 0.7
    found = fit_expression(openhead.expression_basis.astype(np.float64) @ weights, openhead)
    assert np.abs(found[[3, 24]] - 0.7).max() < 0.15
    assert fit_expression(np.zeros_like(flame.template), flame).shape == (0,)


def test_only_registered_models_are_accepted(openhead: HeadModel, flame: HeadModel) -> None:
    with pytest.raises(HeadModelError, match="globe"):
        carry_head(openhead.template, openhead, dataclasses.replace(flame, name="globe"))
    assert np.array_equal(carry_head(openhead.template, openhead, openhead), openhead.template)


def test_a_field_is_carried(openhead: HeadModel, flame: HeadModel) -> None:
    found = carry_scalar(openhead.template[:, 1], openhead, flame)
    skin = ~flame.part_vertices("eye_left", "eye_right")
    assert np.corrcoef(found[skin], flame.template[skin, 1])[0, 1] > 0.99


def test_flame_gets_arkit_s_names(openhead: HeadModel, flame: HeadModel) -> None:
    names, offsets = named_expressions(flame)
    assert names == openhead.expression_names
    assert offsets.shape == (52, 5023, 3)
    reach = np.linalg.norm(offsets, axis=2).max(1)
    own = np.linalg.norm(openhead.expression_basis, axis=1).max(0)
    skin_only = [i for i, n in enumerate(names) if n != "tongueOut"]
    assert (reach[skin_only] > 0.6 * own[skin_only]).all()
    assert (reach[skin_only] < 1.2 * own[skin_only]).all()
    left = offsets[names.index("mouthSmileLeft")]
    assert np.average(flame.template[:, 0], weights=np.linalg.norm(left, axis=1)) > 0.01
    assert named_expressions(openhead)[0] == ()


@pytest.mark.parametrize("which", ["openhead", "flame"])
@pytest.mark.parametrize("yaw", [0, 35, -35])
def test_closed_lids_cover_the_eyes(which: str, yaw: float, request: pytest.FixtureRequest) -> None:
    """At weight 1 no eyeball is seen, and the lids lie before it by a measurable distance wherever it was seen at weight 0."""
    model: HeadModel = request.getfixturevalue(which)
    names, offsets = named_expressions(model)
    if not names:
        names, offsets = model.expression_names, np.moveaxis(model.expression_basis, -1, 0)
    rng = np.random.default_rng(int(yaw) + 50)
    for _ in range(3):
        identity = rng.normal(0, 0.8, model.identity_basis.shape[2])
        head = model.template + model.identity_basis.astype(np.float64) @ identity
        camera = portrait_camera(head, 600, 480, yaw, 0)
        eyes = model.part_faces("eye_left", "eye_right")
        shut = head.copy()
        for name in BLINKS:
            blink = offsets[names.index(name)].astype(np.float64)
            shut += lid_travel(model, head, name, blink) * blink

        def seen(vertices: Float64Array, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            drawn = rasterize(screen(camera, vertices), faces, 600, 480)  # noqa: B023
            return drawn.pix_to_face, np.where(drawn.pix_to_face >= 0, drawn.zbuf, np.inf)

        open_faces, _ = seen(head, model.faces)
        opening = np.isin(open_faces, np.flatnonzero(eyes))
        assert opening.sum() > 100
        shut_faces, _ = seen(shut, model.faces)
        assert not np.isin(shut_faces, np.flatnonzero(eyes)).any()
        _, ball_depth = seen(shut, model.faces[eyes])
        _, lid_depth = seen(shut, model.faces[~eyes])
        both = opening & np.isfinite(ball_depth)
        gap = ball_depth[both] - lid_depth[both]
        assert gap.min() > 0.0
        assert np.median(gap) > 0.3e-3


def test_flame_gets_openhead_s_parts(flame: HeadModel, openhead: HeadModel) -> None:
    named = with_parts(flame)
    assert named.part_names == openhead.part_names
    centre = flame.template[flame.faces].mean(axis=1)
    eyes = (flame.joint_regressor[3:5] @ flame.template).mean(0)
    assert centre[named.part_faces("scalp")][:, 1].mean() > eyes[1] + 0.02
    assert centre[named.part_faces("neck")][:, 1].max() < eyes[1]
    assert np.abs(centre[named.part_faces("ears")][:, 0]).min() > 0.05
    assert (centre[named.part_faces("face")][:, 2] > centre[:, 2].min() + 0.04).all()
    for name in ("eye_left", "eye_right"):
        assert np.array_equal(named.part_faces(name), flame.part_faces(name))
    assert with_parts(openhead) is openhead
