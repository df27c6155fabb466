"""What the model cannot represent: a smooth displacement of the vertices along their normals, and how sure it is.

The prior is a Gaussian field on the surface with a Matérn covariance: standard deviation `sigma_m`, correlation fading over `range_m`. On
a triangle mesh its precision is sparse (Lindgren, Rue & Lindström 2011, eq. 10, alpha = 2):

    Q = tau^2 (kappa^2 M + S) M^-1 (kappa^2 M + S),   kappa = sqrt(8) / range,   tau^2 = 1 / (4 pi kappa^2 sigma^2)

with lumped mass M and stiffness S. Where nothing is seen the displacement is zero and its standard deviation `sigma_m`: the head returns
to the model by itself. Matches add information at their triangle's vertices; samples of the posterior give the standard deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import SuperLU, splu

from facestudio.types import Float64Array, IntArray


@dataclass(frozen=True)
class FieldConfig:
    """The prior of the displacement, metres. cauchy: residual, in sigmas, where a measurement starts to fade. passes: reweightings."""

    sigma_m: float = 0.0006
    range_m: float = 0.020
    measurement_floor_m: float = 0.00015
    cauchy: float = 2.0
    passes: int = 3
    posterior_samples: int = 64


@dataclass(frozen=True)
class Field:
    """The prior on one mesh: root (V, V) sparse with Q = root' root; precision = Q."""

    root: sp.csc_matrix
    precision: sp.csc_matrix


def prior_field(vertices: Float64Array, faces: IntArray, config: FieldConfig) -> Field:
    """Assemble the prior on vertices (V, 3), metres, and faces (F, 3). Vertices without area are held by the prior alone."""
    mass, stiffness = _finite_elements(vertices, faces)
    kappa = np.sqrt(8.0) / config.range_m
    tau = 1.0 / (np.sqrt(4.0 * np.pi) * kappa * config.sigma_m)
    root = sp.diags(tau / np.sqrt(mass)) @ (kappa**2 * sp.diags(mass) + stiffness)
    return Field(root.tocsc(), (root.T @ root).tocsc())


def _finite_elements(vertices: Float64Array, faces: IntArray) -> tuple[Float64Array, sp.csr_matrix]:
    """Lumped mass (V,), square metres, and the cotangent stiffness matrix (V, V)."""
    corners = vertices[faces]
    V, area = len(vertices), np.zeros(len(faces))
    stiffness = sp.csr_matrix((V, V))
    for k in range(3):
        i, j = faces[:, (k + 1) % 3], faces[:, (k + 2) % 3]
        u, v = corners[:, (k + 1) % 3] - corners[:, k], corners[:, (k + 2) % 3] - corners[:, k]
        double = np.maximum(np.linalg.norm(np.cross(u, v), axis=1), 1e-12)
        area = 0.5 * double
        # Slivers would make the cotangent explode (or turn the stiffness indefinite); both ends are clipped.
        half = 0.5 * np.clip(np.einsum("ij,ij->i", u, v) / double, 0.02, 20.0)
        pair = sp.coo_matrix((np.r_[half, half], (np.r_[i, j], np.r_[j, i])), shape=(V, V)).tocsr()
        stiffness = stiffness + sp.diags(np.asarray(pair.sum(1)).ravel()) - pair
    mass = np.bincount(faces.ravel(), np.repeat(area / 3.0, 3), V)
    return np.maximum(mass, 1e-7), stiffness


@dataclass(frozen=True)
class Measurements:
    """Displacements measured at points on the mesh: carry (N, V) sparse, delta (N,) and sigma (N,) metres, weight (N,) in [0, 1]."""

    carry: sp.csr_matrix
    delta: Float64Array
    sigma: Float64Array
    weight: Float64Array


@dataclass(frozen=True)
class Displacement:
    """value (V,) metres along the normals; the information (V, V) it rests on, and its factor, for the posterior."""

    value: Float64Array
    information: sp.csc_matrix
    factor: SuperLU
    evidence: Float64Array


def displacement(
    field: Field, current: Float64Array, measurements: Sequence[Measurements], config: FieldConfig
) -> Displacement:
    """The most probable displacement (V,), metres, given measurements relative to the current one (V,)."""
    value = current
    information, factor = field.precision, None
    for _ in range(config.passes):
        information, right = field.precision.copy(), np.zeros(len(current))
        for m in measurements:
            goal = m.delta + m.carry @ current
            sigma2 = m.sigma**2 + config.measurement_floor_m**2
            off = goal - m.carry @ value
            weight = m.weight / sigma2 / (1.0 + off**2 / (config.cauchy**2 * sigma2))
            information = information + m.carry.T @ sp.diags(weight) @ m.carry
            right += m.carry.T @ (weight * goal)
        factor = splu(information.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0)
        value = factor.solve(right)
    assert factor is not None
    evidence = (information - field.precision).diagonal()
    return Displacement(value, information.tocsc(), factor, evidence)


def posterior_sigma(field: Field, found: Displacement, config: FieldConfig, rng: np.random.Generator) -> Float64Array:
    """(V,) metres: standard deviation of the displacement, from samples of the posterior (Papandreou & Yuille 2010)."""
    V, draws = len(found.value), config.posterior_samples
    data = found.information - field.precision
    # The data term's square root by its lumped diagonal: enough for a standard deviation.
    lumped = np.sqrt(np.maximum(np.asarray(data.sum(1)).ravel(), 0.0))
    noise = field.root.T @ rng.normal(size=(V, draws)) + lumped[:, None] * rng.normal(size=(V, draws))
    return np.asarray(np.sqrt((found.factor.solve(noise) ** 2).mean(1)))
