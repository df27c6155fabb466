"""Does an expression stay an expression? `python -m tests.benchmarks.bench_expression` (OMP_NUM_THREADS=1 keeps it steady).

Six heads of the model with speckled skin, drawn neutral and smiling (smile 0.5, inner brows 0.3, jaw 0.15), landmarks with errors drawn
from the detector's model. Fitted and refined (standard, calibrated); printed is how far the exported neutral face is off, mean mm over the
face when the posed faces lie on each other: as it is, and with every expression taken for a neutral face's noise (`expression_sure`
infinite).
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from facestudio.geometry.camera import project
from facestudio.geometry.frames import yaw_degrees
from facestudio.head.landmarks import on_surface
from facestudio.head.model import HeadModel
from facestudio.head.store import load_head
from facestudio.pipeline.evidence import evidence_basis, evidence_error, landmark_term
from facestudio.reconstruct.fit import fit_landmarks
from facestudio.reconstruct.refine import refine
from facestudio.reconstruct.refinement import RefineConfig
from facestudio.types import Float64Array, Landmarks, View
from tests.benchmarks.make_synthetic_bench import SMILE
from tests.reconstruct.refine_scene import NAMES, photograph


def marked(view: View, truth: Float64Array, model: HeadModel, rng: np.random.Generator) -> View:
    """The view with the dense landmarks of a head (V, 3), metres, as wrong as the detector is."""
    assert view.camera is not None
    term = landmark_term(model, "dense")
    ids = term.basis.ids
    at = term.error.at(yaw_degrees(view.camera), ids).scaled(view.camera.K[0, 0] / view.camera.t[2])
    wrong = at.bias + 0.7 * (at.shared @ rng.normal(size=at.shared.shape[2]) + at.single @ rng.normal(size=at.single.shape[2]))
    found = np.zeros((ids.max() + 1, 2))
    found[ids] = project(view.camera, on_surface(truth, model.faces, term.places)) + wrong + rng.normal(0, 0.5, wrong.shape)
    return replace(view, landmarks=Landmarks(found, "made", np.ones(len(found))))


def neutral_error(model: HeadModel, seed: int, weights: Float64Array, config: RefineConfig) -> float:
    """Mean mm between the exported and the true neutral face of one subject."""
    rng = np.random.default_rng(seed)
    identity = 0.7 * rng.normal(size=model.identity_basis.shape[2])
    neutral = model.template.astype(np.float64) + model.identity_basis @ identity
    truth = neutral + model.expression_basis @ weights
    views = [photograph(model, truth, yaw, name, 420, 1) for yaw, name in zip((40.0, 0.0, -40.0), NAMES, strict=True)]
    views = [marked(v, truth, model, rng) for v in views]
    fit = fit_landmarks(views, evidence_basis(model, "dense"), evidence_error("dense"))
    found = refine(
        views,
        fit.cameras,
        model,
        fit.identity,
        fit.expression,
        [None] * 3,
        config,
        calibrated=True,
        landmarks=[landmark_term(model, "dense")],
    )
    face = model.part_vertices("face", "skin", "lips")
    ours, true = found.posed_vertices[face], truth[face]
    turn, _ = Rotation.align_vectors(true - true.mean(0), ours - ours.mean(0))
    moved = turn.apply(found.vertices[face] - ours.mean(0)) + true.mean(0)
    return float(1000.0 * np.linalg.norm(moved - neutral[face], axis=1).mean())


def main() -> None:
    """Both faces, both ways."""
    model, config = load_head("open"), RefineConfig()
    never = replace(config, solve=replace(config.solve, expression_sure=np.inf))
    smile = np.array([SMILE.get(name, 0.0) for name in model.expression_names])
    for name, weights in (("neutral", np.zeros_like(smile)), ("smiling", smile)):
        for how, c in (("as it is", config), ("taken for noise", never)):
            errors = [neutral_error(model, seed, weights, c) for seed in range(6)]
            sys.stdout.write(f"| {name} | {how} | {np.mean(errors):.2f} | {' '.join(f'{e:.2f}' for e in errors)} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
