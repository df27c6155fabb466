from __future__ import annotations

import numpy as np

from facestudio.geometry.harmonics import shade
from facestudio.training.synth.lights import lobe, random_light


def test_a_lamp_lights_what_faces_it_by_its_colour_and_nothing_behind() -> None:
    way = np.array([0.6, 0.0, 0.8])
    colour = np.array([1.0, 0.5, 0.25])
    light = lobe(way, colour)
    np.testing.assert_allclose(shade(way[None], light)[0], colour, rtol=0.08)
    np.testing.assert_allclose(shade(-way[None], light)[0], 0.0, atol=0.08)


def test_no_light_leaves_a_face_dark_or_takes_light_away() -> None:
    for seed in range(40):
        light = random_light(np.random.default_rng(seed))
        assert abs(np.linalg.norm(light.key) - 1.0) < 1e-9
        front = shade(np.array([[0.0, 0.0, 1.0]]), light.coefficients())
        assert front.min() > 0.05
