"""From dense matches to the head's coefficients and the cameras: one Gauss-Newton step of a bundle adjustment on surfaces.

A match says: what photo a shows at q_a, photo b shows at q_b. Whatever the unknowns are, the point is where a's ray through q_a meets the
surface. With surface normal n, ray r, shape change n.B theta, and small motions (w, d) of the head before each camera, the point moves by

    dY = s r - (w_a x X + d_a) - phi_a c_a,         s = n.(B theta + w_a x X + d_a + phi_a c_a) / (n.r)

where phi is the relative change of the focal length and c_a = R_a' (x, y, 0) of the point in camera a; b then sees it move by
J_b (dY + w_b x X + d_b) + phi_b (f x/z, f y/z), which has to equal the measured flow. Along the epipolar line this measures shape, across
it the cameras. Identity has the model's own prior N(0, I).

B theta is as well the displacement that the model lacks (`displace`): matches are gathered by the vertices' normal motion, whoever
causes it (`Evidence`), and model, displacement and cameras are solved for together (`System`), the displacement eliminated first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import SuperLU, splu

from facestudio.progress import CancelToken
from facestudio.reconstruct.correspondence import Matches
from facestudio.reconstruct.displace import solved
from facestudio.types import Camera, Float32Array, Float64Array, FloatArray, IntArray


@dataclass(frozen=True)
class SolveConfig:
    """Constants of the solve.

    correlation_px2: neighbouring matches share their error: so many square pixels count as one observation.
    cauchy: residual, in sigmas, at which a match starts to fade. floor_m: error of the best match, metres.
    identity_sigma: prior of the identity coefficients, in the model's own standard deviations.
    expression_sigma: prior of the expression weights about those expected; expression_tail: how far from them it gives way.
    expression_sure: what landmarks make of a neutral face stays below this weight; beyond it, they are believed.
    anchor_sigma_px, anchor_count: without landmarks, the head's points stay within so many pixels of where the given head shows them,
    counted as so many independent points per view.
    """

    correlation_px2: float = 250.0
    cauchy: float = 2.0
    floor_m: float = 0.00015
    identity_sigma: float = 1.0
    expression_sigma: float = 0.007
    expression_tail: float = 0.035
    expression_sure: float = 0.1
    anchor_sigma_px: float = 4.0
    anchor_count: float = 12.0


class OnSurface(Protocol):
    """Samples on the mesh: face (N,) int, bary (N, 3) float."""

    @property
    def face(self) -> IntArray: ...  # noqa: D102
    @property
    def bary(self) -> Float32Array: ...  # noqa: D102


@dataclass(frozen=True)
class Unknowns:
    """Layout of the vector: identity, expression, 6 per moving body (one when calibrated, else one per view), focals (uncalibrated).

    The last two are the motion, M numbers; the first two, S + E, the shape.
    """

    identity: slice
    expression: slice
    pose: tuple[slice, ...]
    focal: tuple[int, ...]
    size: int

    @property
    def shape(self) -> slice:
        """Identity and expression."""
        return slice(0, self.expression.stop)

    @property
    def motion(self) -> slice:
        """Bodies and focals."""
        return slice(self.expression.stop, self.size)

    def body(self, view: int) -> slice:
        """A view's body within the motion."""
        pose, first = self.pose[view], self.motion.start
        return slice(pose.start - first, pose.stop - first)


def layout(identity: int, expression: int, views: int, calibrated: bool) -> Unknowns:
    """The unknowns of a solve with so many coefficients and views."""
    start = identity + expression
    bodies = 1 if calibrated else views
    slices = [slice(start + 6 * i, start + 6 * i + 6) for i in range(bodies)]
    after = start + 6 * bodies
    focal = () if calibrated else tuple(range(after, after + views))
    pose = tuple(slices * views) if calibrated else tuple(slices)
    return Unknowns(slice(0, identity), slice(identity, start), pose, focal, after + len(focal))


@dataclass(frozen=True)
class Rows:
    """Linearised evidence of one pair. N samples.

    along, across: (N, M) float32, pixels per unit of motion; None: no such evidence. measured: (N, 2) pixels. rate: (N,) pixels along per
    metre that the surface moves along its normal, be it by the model's shape or by the field: neither shows across. sigma: (N,) pixels;
    weight: (N,) in [0, 1], share of one independent observation. carry: (N, V) sparse, from vertices to samples.
    """

    along: FloatArray
    across: FloatArray | None
    measured: FloatArray
    rate: FloatArray
    sigma: FloatArray
    weight: FloatArray
    carry: sp.csr_matrix


def rows(
    matches: Matches,
    cameras: Sequence[Camera],
    faces: IntArray,
    vertices: int,
    unknowns: Unknowns,
    pixels_per_sample: float,
    config: SolveConfig,
) -> Rows:
    """Linearise one pair's matches on a mesh of so many vertices."""
    a, b = cameras[matches.source], cameras[matches.target]
    X, n = matches.points.astype(np.float64), matches.normals.astype(np.float64)
    ray = X - a.centre
    J, focal_b = projection(b, X)
    Jr = np.einsum("nij,nj->ni", J, ray)
    nr = np.minimum(np.einsum("ni,ni->n", n, ray), -1e-3)
    unit = Jr / np.maximum(np.linalg.norm(Jr, axis=1, keepdims=True), 1e-9)
    unit = -unit  # so that pushing the surface outwards counts as positive
    e = Jr / nr[:, None]
    frame = np.stack([unit, np.stack([-unit[:, 1], unit[:, 0]], -1)], 1)
    measured = np.einsum("nij,nj->ni", frame, matches.flow)
    rate = np.einsum("ni,ni->n", unit, e)
    N, first, calibrated = len(X), unknowns.motion.start, not unknowns.focal
    along = np.zeros((N, unknowns.size - first), np.float32)
    across = None if calibrated else np.zeros_like(along)
    M = J - e[:, :, None] * n[:, None, :]
    for matrix, view, sign in ((M, matches.source, -1.0), (J, matches.target, 1.0)):
        seen = sign * np.einsum("nij,njk->nik", frame, matrix)
        motion = np.concatenate([np.cross(X[:, None, :], seen), seen], -1)  # d(w x X)/dw, then d
        body = unknowns.body(view)
        along[:, body] += motion[:, 0]
        if across is not None:
            across[:, body] += motion[:, 1]
    if across is not None:
        flat = (X @ a.R.T + a.t) * np.array([1.0, 1.0, 0.0])
        focal_a = -np.einsum("nij,nj->ni", M, flat @ a.R)
        for column, change in ((unknowns.focal[matches.source], focal_a), (unknowns.focal[matches.target], focal_b)):
            turned = np.einsum("nij,nj->ni", frame, change)
            along[:, column - first] += turned[:, 0]
            across[:, column - first] += turned[:, 1]
    share = np.minimum(1.0, pixels_per_sample / config.correlation_px2) * matches.trust
    carry = carry_to(matches, faces, vertices)
    return Rows(along, across, measured, rate, matches.sigma_px.astype(np.float64), share.astype(np.float64), carry)


@dataclass
class Evidence:
    """Normal equations of what was measured, in the vertices' motion along their normals (V) and the bodies' and focals' motion (M).

    Shape and field both move a vertex along its normal, and a match cannot tell which of them did. So no match needs to know the model's
    coefficients: they come in once, for all matches together (`System.add`), where a row per match and coefficient took half of the time.

    vv (V, V) sparse; vm (V, M); mm (M, M); v (V,): right-hand side for a vertex's whole motion from the model's surface, the field that is
    there already included; m (M,).
    """

    vv: sp.csr_matrix
    vm: Float64Array
    mm: Float64Array
    v: Float64Array
    m: Float64Array

    @staticmethod
    def none(vertices: int, unknowns: Unknowns) -> Evidence:
        """Nothing measured yet."""
        M = unknowns.size - unknowns.motion.start
        return Evidence(
            sp.csr_matrix((vertices, vertices)), np.zeros((vertices, M)), np.zeros((M, M)), np.zeros(vertices), np.zeros(M)
        )

    def add(self, evidence: Rows, lift: Float64Array, robust_m: float, config: SolveConfig) -> None:
        """Add one pair, with Cauchy's weights at the current head (residual = flow), whose field is seen as lift (V,), metres."""
        floor = config.floor_m * evidence.rate
        for J, value, s in (
            (evidence.along, evidence.measured[:, 0], np.hypot(evidence.sigma, floor)),
            (evidence.across, evidence.measured[:, 1], evidence.sigma),
        ):
            if J is None:
                continue
            scale = np.maximum(config.cauchy * s, robust_m * evidence.rate)
            root = np.sqrt(evidence.weight / (1.0 + (value / scale) ** 2)) / s
            scaled = J * root[:, None]
            self.mm += scaled.T @ scaled
            if J is evidence.across:
                self.m += scaled.T @ (root * value)
                continue
            goal = root * (value + evidence.rate * (evidence.carry @ lift))
            field = sp.diags(root * evidence.rate) @ evidence.carry
            self.vv = self.vv + field.T @ field
            self.vm += field.T @ scaled
            self.v += field.T @ goal
            self.m += scaled.T @ goal


@dataclass
class System:
    """Normal equations of coefficients and cameras (P) together with the displacement field (V).

    tt (P, P), t (P,): coefficients. dt (V, P): coupling. dd (V, V) sparse, d (V,): field. data (V,): row sums of the matches' share of dd.
    """

    tt: Float64Array
    t: Float64Array
    dt: Float64Array
    dd: sp.csc_matrix
    d: Float64Array
    data: Float64Array

    @staticmethod
    def of_prior(unknowns: Unknowns, field_precision: sp.csc_matrix) -> System:
        """A system that knows the field's prior only; the tiny ridge keeps motions solvable that nothing measures."""
        P, V = unknowns.size, field_precision.shape[0]
        return System(1e-6 * np.eye(P), np.zeros(P), np.zeros((V, P)), field_precision, np.zeros(V), np.zeros(V))

    def add(self, evidence: Evidence, basis: Float64Array, unknowns: Unknowns) -> None:
        """Add what was measured. basis: (V, S + E), what is seen of each vertex's motion along its normal per coefficient, metres."""
        shape, motion = unknowns.shape, unknowns.motion
        coupled, by_motion = evidence.vv @ basis, basis.T @ evidence.vm
        self.tt[shape, shape] += basis.T @ coupled
        self.tt[shape, motion] += by_motion
        self.tt[motion, shape] += by_motion.T
        self.tt[motion, motion] += evidence.mm
        self.t[shape] += basis.T @ evidence.v
        self.t[motion] += evidence.m
        self.dt[:, shape] += coupled
        self.dt[:, motion] += evidence.vm
        self.dd = (self.dd + evidence.vv).tocsc()
        self.d += evidence.v
        self.data += np.asarray(evidence.vv.sum(1)).ravel()

    def solve_still(self, lift: Float64Array) -> Float64Array:
        """(P,) the step of the coefficients while the field stays as it is. lift: (V,) metres, what is seen of it (`Field.seen`)."""
        return np.asarray(np.linalg.solve(self.tt, self.t - self.dt.T @ lift))

    def solve(self, normal_basis: FloatArray, spread: sp.csc_matrix, cancel: CancelToken) -> Solution:
        """Eliminate the field (Schur complement), solve for the coefficients, and put them back.

        normal_basis: (V, S + E), motion of each vertex along its normal per coefficient, metres. spread: the field's (`displace.Field`).
        Raises Cancelled.
        """
        factor = splu(self.dd.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0)
        cancel.check()
        coupling, own = solved(factor, self.dt, cancel), solved(factor, self.d)
        covariance = np.linalg.inv(self.tt - self.dt.T @ coupling)
        covariance = 0.5 * (covariance + covariance.T)
        step = covariance @ (self.t - self.dt.T @ own)
        return Solution(step, spread @ (own - coupling @ step), covariance, factor, self.data, normal_basis, spread, coupling)


@dataclass(frozen=True)
class Solution:
    """step (P,); lift (V,) metres, the new field; covariance (P, P) of the step, the field integrated out.

    factor: of the field's information. data: (V,) what the matches added to it, row sums, 1/m^2. normal_basis, spread: as given to
    `System.solve`. coupling: (V, P), what the field's unknowns yield per unit of the coefficients.
    """

    step: Float64Array
    lift: Float64Array
    covariance: Float64Array
    factor: SuperLU
    data: Float64Array
    normal_basis: FloatArray
    spread: sp.csc_matrix
    coupling: Float64Array

    def reach(self) -> Float64Array:
        """(V, P) metres: how far each vertex moves along its normal per unknown, the field's response included."""
        reach = -np.asarray(self.spread @ self.coupling)
        reach[:, : self.normal_basis.shape[1]] += self.normal_basis
        return reach


def add_anchors(
    A: Float64Array,
    g: Float64Array,
    points: Float64Array,
    jacobian: Float64Array,
    homes: Sequence[Float64Array],
    cameras: Sequence[Camera],
    unknowns: Unknowns,
    config: SolveConfig,
) -> None:
    """Hold the head's features loosely where the landmarks put them: flow alone would let the model slide under the skin.

    points: (M, 3) metres; jacobian: (M, 3, S + E); homes: per view (M, 2) pixels.
    """
    for i, (camera, home) in enumerate(zip(cameras, homes, strict=True)):
        J, by_focal = projection(camera, points)
        row = np.zeros((len(points), 2, unknowns.size))
        row[:, :, : unknowns.expression.stop] = np.einsum("nij,njk->nik", J, jacobian)
        row[:, :, unknowns.pose[i]] = np.concatenate([np.cross(points[:, None, :], J), J], -1)
        if unknowns.focal:
            row[:, :, unknowns.focal[i]] = by_focal
        residual = home - pixels_of(camera, points)
        weight = config.anchor_count / len(points) / config.anchor_sigma_px**2
        flat = row.reshape(-1, unknowns.size)
        A += weight * flat.T @ flat
        g += weight * flat.T @ residual.ravel()


def pixels_of(camera: Camera, points: Float64Array) -> Float64Array:
    """(N, 2) pixels of points (N, 3), metres, head frame, in a camera without distortion."""
    seen = points @ camera.R.T + camera.t
    return np.asarray((seen @ camera.K.T)[:, :2] / seen[:, 2:])


def projection(camera: Camera, points: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Of a camera without distortion: (N, 2, 3) d pixel / d point (head frame), and (N, 2) d pixel / d log focal."""
    x, y, z = (points @ camera.R.T + camera.t).T
    fx, fy, zero = camera.K[0, 0], camera.K[1, 1], np.zeros_like(z)
    by_camera = np.stack([np.stack([fx / z, zero, -fx * x / z**2], -1), np.stack([zero, fy / z, -fy * y / z**2], -1)], 1)
    return by_camera @ camera.R, np.stack([fx * x / z, fy * y / z], -1)


def carry_to(matches: OnSurface, faces: IntArray, vertices: int) -> sp.csr_matrix:
    """(N, V) sparse: from vertices to samples."""
    n = len(matches.face)
    index = np.repeat(np.arange(n), 3)
    return sp.csr_matrix((matches.bary.ravel(), (index, faces[matches.face].ravel())), shape=(n, vertices))
