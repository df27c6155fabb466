from __future__ import annotations

import numpy as np

from facestudio.geometry.rasterize import rasterize
from facestudio.training.synth.layers import Buffers, draw, hashed, veil

SIZE = 48
UV = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], np.float32)
NOTHING = np.zeros((0, 0, 2), np.uint8)
SQUARE = np.array([[-5.0, -5.0, 1.0], [60.0, -5.0, 1.0], [60.0, 60.0, 1.0], [-5.0, 60.0, 1.0]])
TWO = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def cover(amount: int) -> np.ndarray:
    return np.full((4, 4, 2), amount, np.uint8)


def test_draws_what_the_reference_rasteriser_draws() -> None:
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(-10, 58, (90, 2)), rng.uniform(0.4, 2.0, 90)])
    faces = rng.integers(0, 90, (60, 3)).astype(np.int32)
    want = rasterize(points, faces, SIZE, SIZE)
    out = Buffers.blank(SIZE)
    draw(points, faces, 0, 60, False, UV, faces % 4, NOTHING, out.face, out.bary, out.near)
    same = out.face == want.pix_to_face
    assert same.mean() > 0.999  # float32 depths may swap two surfaces that meet
    hit = same & (out.face >= 0)
    assert hit.sum() > 500
    np.testing.assert_allclose(out.bary[hit], want.bary[hit], atol=1e-5)
    np.testing.assert_allclose(1.0 / out.near[hit], want.zbuf[hit], rtol=1e-5)


def test_coverage_cuts_fragments_out_in_proportion() -> None:
    shares = []
    for amount in (0, 100, 255):
        out = Buffers.blank(SIZE)
        draw(SQUARE, TWO, 0, 2, False, UV, TWO, cover(amount), out.face, out.bary, out.near)
        shares.append(float((out.face >= 0).mean()))
    assert shares[0] == 0.0
    assert 0.3 < shares[1] < 0.65
    assert shares[2] == 1.0


def test_a_veil_covers_what_it_lies_on_and_not_what_is_before_it() -> None:
    near = np.full((SIZE, SIZE), 1.0 / 0.999, np.float32)  # a skin one millimetre before the veil
    through = np.ones((SIZE, SIZE), np.float32)
    veil(SQUARE, TWO, UV, TWO, cover(255), 0.003, 0.75, near, through)
    np.testing.assert_allclose(through[3:-3, 3:-3].min(), 0.25, atol=0.01)
    before = np.ones((SIZE, SIZE), np.float32)
    veil(SQUARE, TWO, UV, TWO, cover(255), 0.0005, 0.75, near, before)
    assert before.min() == 1.0


def test_hashes_are_even_and_fixed() -> None:
    values = np.array([hashed(x, y, 3) for x in range(40) for y in range(40)])
    assert abs(values.mean() - 0.5) < 0.02
    assert values.min() >= 0.0
    assert values.max() < 1.0
    assert hashed(5, 6, 7) == hashed(5, 6, 7) != hashed(6, 5, 7)
