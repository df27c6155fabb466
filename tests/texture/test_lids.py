"""The fold of the upper lid is filled, not stretched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facestudio.head.model import HeadModel
from facestudio.texture.lids import unfolded
from facestudio.texture.unwrap import lay_out

SIDE = 512


def test_only_the_folds_of_the_upper_lids_are_doubted(openhead: HeadModel) -> None:
    atlas = lay_out(openhead.uv, openhead.uv_faces, SIDE)
    sure = np.ones((SIDE, SIDE), np.float32)
    lowered = unfolded(openhead, atlas, sure)
    assert sure.min() == 1.0  # the caller's array is left alone
    doubted = (lowered < 0.5) & (atlas.face >= 0)
    assert 50 < doubted.sum() < 0.02 * SIDE * SIDE
    middle = openhead.template[openhead.faces].mean(axis=1)[atlas.face[doubted]]
    eyes = openhead.joint_regressor[3:5] @ openhead.template
    nearest = np.linalg.norm(middle[:, None] - eyes[None], axis=2).argmin(axis=1)
    assert (middle[:, 1] > eyes[nearest, 1]).mean() > 0.95  # above the pupils
    assert np.linalg.norm(middle - eyes[nearest], axis=1).max() < 0.035
    assert set(nearest) == {0, 1}


def test_without_blinks_nothing_changes(openhead: HeadModel) -> None:
    atlas = lay_out(openhead.uv, openhead.uv_faces, 128)
    sure = np.ones((128, 128), np.float32)
    mute = replace(openhead, expression_names=(), expression_basis=openhead.expression_basis[..., :0])
    assert unfolded(mute, atlas, sure) is sure
