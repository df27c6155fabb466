"""What the model cannot represent: a smooth displacement of the vertices along their normals, and how sure it is.

The prior is a Gaussian field on the surface with a Matérn covariance: standard deviation `sigma_m`, correlation fading over `range_m`. On
a triangle mesh its precision is sparse (Lindgren, Rue & Lindström 2011, eq. 10, alpha = 2):

    Q = tau^2 (kappa^2 M + S) M^-1 (kappa^2 M + S),   kappa = sqrt(8) / range,   tau^2 = 1 / (4 pi kappa^2 sigma^2)

with lumped mass M and stiffness S. Faces are alike on their two sides beyond what the model knows, too: the field is the sum of a symmetric
part and an antisymmetric one, of which the former is the greater (`FieldConfig.symmetry`), so what one side shows is expected, in part, of
the other. Where nothing is seen on either, the displacement is zero and its standard deviation `sigma_m`: the head returns to the model by
itself. Matches add information at their triangle's vertices, and coefficients and field are solved together (`solve`): the former then
know that neighbouring matches share what the model cannot show, and do not bend the unseen sides after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import SuperLU, splu

from facestudio.progress import CancelToken, side_by_side
from facestudio.types import Float64Array, FloatArray, IntArray

_COLUMNS_AT_ONCE = 16  # right-hand sides between two looks at whether to stop


@dataclass(frozen=True)
class FieldConfig:
    """The prior of the displacement: how far real heads are from the model's, metres, and over what distance, metres, that changes.

    symmetry: correlation, in [0, 1), of the displacements of opposite vertices.
    """

    sigma_m: float = 0.0008
    range_m: float = 0.025
    symmetry: float = 0.0


@dataclass(frozen=True)
class Field:
    """The prior on one mesh: root (N, V) sparse with Q = root' root; precision = Q.

    spread: (V, V) sparse, from the field's unknowns to the displacement: one, unless the field is known by its blurred picture (`blurred`).
    mass (V,), stiffness (V, V) sparse: the mesh's finite elements.
    """

    root: sp.csc_matrix
    precision: sp.csc_matrix
    spread: sp.csc_matrix
    mass: Float64Array
    stiffness: sp.csr_matrix

    def seen(self, motion: FloatArray) -> Float64Array:
        """What is seen of a motion of the vertices, (V,) or (V, K) metres along their normals."""
        return solved(self._narrow, motion)

    @cached_property
    def _narrow(self) -> SuperLU:
        return splu(self.spread)


def solved(factor: SuperLU, sides: FloatArray, cancel: CancelToken | None = None) -> Float64Array:
    """(V,) or (V, K) float64: answers of a factorised system, some columns at a time on all cores. Raises Cancelled."""
    if sides.ndim == 1:
        return np.asarray(factor.solve(sides.astype(np.float64)))
    answer = np.zeros(sides.shape, np.float64, order="F")

    def solve(part: slice) -> None:
        answer[:, part] = factor.solve(sides[:, part].astype(np.float64))

    side_by_side([partial(solve, slice(i, i + _COLUMNS_AT_ONCE)) for i in range(0, sides.shape[1], _COLUMNS_AT_ONCE)], cancel)
    return answer


def blurred(field: Field, blur_m: float) -> Field:
    """The same field for measurements that see it blurred, as everything does that compares windows of pictures.

    A window does not say where its middle lies but, about, where the surface lies on the average over it: it sees u = H x of a
    displacement x. To take that for x itself, and to measure again from where it led, ends at H x = u: a deconvolution, which blows
    up the noise of whatever H hardly lets through, the more so the longer it goes on. With H in the equations the prior decides there.

    H = (1 + b^2 M^-1 S)^-1, an implicit step of heat flow, passes a wave of number k with 1 / (1 + b^2 k^2), and its inverse K is
    sparse. So u takes the place of x as the unknown: its precision is K' Q K, and a match on a triangle speaks of its vertices' u alone.
    """
    spread = (sp.identity(len(field.mass)) + sp.diags(blur_m**2 / field.mass) @ field.stiffness).tocsc()
    root = (field.root @ spread).tocsc()
    return replace(field, root=root, precision=(root.T @ root).tocsc(), spread=spread)


def prior_field(vertices: Float64Array, faces: IntArray, config: FieldConfig, mirror: IntArray | None = None) -> Field:
    """Assemble the prior on vertices (V, 3), metres, and faces (F, 3). Vertices without area are held by the prior alone.

    mirror: (V,) the vertex opposite each, itself on the midline; None: the field knows of no other side. With the matrix P of this
    exchange, the parts (1 + P) x / 2 and (1 - P) x / 2 have Q over 1 + symmetry and 1 - symmetry; off the midline the variance stays
    sigma^2.
    """
    mass, stiffness = _finite_elements(vertices, faces)
    kappa = np.sqrt(8.0) / config.range_m
    tau = 1.0 / (np.sqrt(4.0 * np.pi) * kappa * config.sigma_m)
    root = sp.diags(tau / np.sqrt(mass)) @ (kappa**2 * sp.diags(mass) + stiffness)
    if mirror is not None:
        same = sp.identity(len(mass), format="csr")
        parts = (0.5 * (same + same[mirror]), 1.0 + config.symmetry), (0.5 * (same - same[mirror]), 1.0 - config.symmetry)
        root = sp.vstack([root @ part / np.sqrt(share) for part, share in parts])
    return Field(root.tocsc(), (root.T @ root).tocsc(), sp.identity(len(mass), format="csc"), mass, stiffness)


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


def conditional_sigma(
    field: Field, lumped_information: Float64Array, factor: SuperLU, draws: int, rng: np.random.Generator
) -> Float64Array:
    """(V,) metres: standard deviation of the displacement given the model's coefficients.

    By samples of the posterior (Papandreou & Yuille 2010): white noise through the square root of the information, then solved.
    lumped_information: (V,) row sums of what the matches added to the prior's precision; their diagonal is near enough for a sigma.
    factor: of the whole information.
    """
    rows, count = field.root.shape
    data = np.sqrt(np.maximum(lumped_information, 0.0))
    noise = field.root.T @ rng.normal(size=(rows, draws)) + data[:, None] * rng.normal(size=(count, draws))
    return np.asarray(np.sqrt(((field.spread @ factor.solve(noise)) ** 2).mean(1)))
