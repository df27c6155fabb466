"""Which pixels of a view may be compared with another view: the paper's box, and the z-buffer."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from facestudio.head.landmarks import embedding, on_surface
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.reconstruct.mfnet.covisible import Mask, box_mask, covisible_mask, face_mask
from facestudio.reconstruct.mfnet.perspective import project, rotation
from facestudio.reconstruct.mfnet.render import PosedView, Surface, pose_view, surface_of

SIDE = 96


@cache
def scene() -> tuple[HeadModel, Surface, list[PosedView], list[Tensor], Tensor]:
    """The average head from 40 degrees left, front, and 40 degrees right, with its landmarks' pictures."""
    model = load_head("open")
    surface = surface_of(model, 32)
    vertices = torch.from_numpy(model.template)
    marks = torch.from_numpy(on_surface(model.template, model.faces, embedding(model, "ibug68"))).float()
    K = torch.tensor([[220.0, 0, 47.5], [0, 220.0, 47.5], [0, 0, 1]])
    views, landmarks = [], []
    for yaw in (40.0, 0.0, -40.0):
        turn = rotation(torch.tensor([0.0, -np.radians(yaw), 0.0]))
        R = torch.diag(torch.tensor([1.0, -1, -1])) @ turn.float()
        t = torch.tensor([0.0, 0.0, 0.6])
        views.append(pose_view(vertices, K, R, t, surface, SIDE))
        landmarks.append(project(marks, K, R, t)[:, :2])
    allowed = torch.from_numpy(model.part_faces("face", "eyelids"))
    return model, surface, views, landmarks, allowed


def test_the_face_mask_is_skin_alone() -> None:
    model, surface, views, _, allowed = scene()
    mask = face_mask(views[1], surface, allowed)
    parts = set(np.unique(model.face_parts[views[1].seen.face[mask].numpy()]))
    assert {model.part_names[i] for i in parts} == {"face", "eyelids"}


@pytest.mark.parametrize("kind", ["box", "zbuffer"])
def test_left_and_front_share_the_subject_s_left_half(kind: Mask) -> None:
    """In the front view the subject's left half is on the picture's right."""
    _, surface, views, landmarks, allowed = scene()
    mask = covisible_mask(kind, 0, 1, views[0], views[1], surface, allowed, landmarks[1])
    columns = torch.nonzero(mask)[:, 1].float()
    assert len(columns) > 200
    nose = float(landmarks[1][30, 0])
    least = 0.85 if kind == "box" else 0.7  # the forehead's other half is really seen from 40 degrees
    assert float((columns > nose - 4).float().mean()) > least
    other = covisible_mask(kind, 2, 1, views[2], views[1], surface, allowed, landmarks[1])
    assert float((torch.nonzero(other)[:, 1].float() < nose + 4).float().mean()) > least


def test_the_masks_agree_about_most_of_what_is_common() -> None:
    _, surface, views, landmarks, allowed = scene()
    box = covisible_mask("box", 0, 1, views[0], views[1], surface, allowed, landmarks[1])
    exact = covisible_mask("zbuffer", 0, 1, views[0], views[1], surface, allowed, landmarks[1])
    assert float((box & exact).sum() / box.sum()) > 0.8  # the paper's box claims little that cannot be seen from both


def test_left_and_right_share_only_the_middle() -> None:
    _, _, _, landmarks, _ = scene()
    between, half = (box_mask(landmarks[2], a, b, SIDE).sum() for a, b in ((0, 2), (1, 2)))
    assert 0 < int(between) < int(half)


def test_what_the_other_view_cannot_see_is_out() -> None:
    """By the z-buffer, no covisible pixel lies on a triangle that turns its back to the other view."""
    model, surface, views, landmarks, allowed = scene()
    mask = covisible_mask("zbuffer", 2, 1, views[2], views[1], surface, allowed, landmarks[1])
    corners = torch.from_numpy(model.template)[surface.faces][views[1].seen.face[mask]]
    normals = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert bool((((views[2].centre - corners[:, 0]) * normals).sum(-1) > 0).all())
