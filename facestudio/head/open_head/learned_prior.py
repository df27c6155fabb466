"""OpenHead's identity prior, learned from scans of real people: `python -m facestudio.head.open_head.learned_prior --shared FOLDER`.

The hand-set prior (MakeHuman's targets at guessed ranges) knows how a face may be sculpted, not how people differ. Here the
identity modes of a published scan model are carried over to OpenHead by non-rigid registration (`scan_models.carry`): its mean
becomes the template, its covariance the prior. What MakeHuman's targets can do beyond that is kept as weak extra modes.
"""

from __future__ import annotations

import argparse
import dataclasses
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facestudio import manifest
from facestudio.atomic import write_file
from facestudio.errors import HeadModelError
from facestudio.head.model import HeadModel, pack_arrays
from facestudio.head.open_head.prior import target_deltas
from facestudio.head.open_head.scan_models import (
    FACE_PARTS,
    CarriedIdentity,
    carry,
    carry_islands,
    completed,
    read_ict,
    read_surrey,
    without_rigid_motion,
)
from facestudio.head.registration import thin_plate
from facestudio.paths import models_dir
from facestudio.types import Float32Array, Float64Array, FloatArray

COMPONENTS = 150
LEARNED = 100  # of them at most; the rest are MakeHuman's
SURREY_SHARE = 0.2  # face only, older scans: enough to widen what 100 ICT modes can do; measured by prior_report
FILE = "identity_prior.npz"
LICENCE = "CC0-1.0 AND MIT AND Apache-2.0"
_ENTRY = {
    "name": "identity-prior",
    "file": FILE,
    "licence": LICENCE,
    "made_by": "python -m facestudio.head.open_head.learned_prior --shared ../shared",
    "source": "computed from the identity modes of ICT-FaceKit (MIT, (c) 2020 USC Institute for Creative Technologies), the "
    "public Surrey face model sfm_shape_3448 (Apache-2.0, University of Surrey, from github.com/patrikhuber/eos) and "
    "MakeHuman's face targets (CC0)",
}
EXTRA_SPREAD = 0.0008  # metres: RMS standard deviation over the face of all extra modes together, see `extra_modes`


@dataclass(frozen=True)
class IdentityPrior:
    """A mean head and a Gaussian of identities around it.

    offset: (V, 3) float32, metres: what to add to the template it was learned for. basis: (V, 3, S) float32, metres per standard
    deviation, ordered by variance. template_sum: a fingerprint of that template, so that it is never applied to another one.
    """

    offset: Float32Array
    basis: Float32Array
    template_sum: str
    licence: str


def learn(
    model: HeadModel, sources: Sequence[tuple[CarriedIdentity, float]], targets: FloatArray | None, licence: str
) -> IdentityPrior:
    """Mean and covariance of the mixture of (source, share), and MakeHuman's targets (K, V, 3), metres, as weak extra modes.

    Shares sum to 1. As in any mixture, the differences between the sources' means count as variance. Deterministic.
    """
    face = model.part_vertices(*FACE_PARTS)
    shares = np.array([share for _, share in sources])
    means = np.stack([symmetric(model, source.mean) for source, _ in sources])
    mean = np.asarray(np.einsum("n,nvx->vx", shares, means))
    modes = np.concatenate([source.modes * np.sqrt(share) for source, share in sources])
    if len(sources) > 1:
        modes = np.concatenate([modes, (means - mean) * np.sqrt(shares)[:, None, None]])
    scale = np.sqrt(vertex_share(model, mean))
    basis = principal_modes(modes, scale, COMPONENTS if targets is None else LEARNED)
    if targets is not None:
        free = np.stack([without_rigid_motion(carry_islands(model, t), mean, face) for t in targets.astype(np.float64)])
        basis = np.concatenate([basis, extra_modes(basis, free, scale, COMPONENTS - len(basis))])
    offset = (mean - model.template).astype(np.float32)
    return IdentityPrior(offset, np.ascontiguousarray(np.moveaxis(basis, 0, 2), dtype=np.float32), template_sum(model), licence)


def vertex_share(model: HeadModel, vertices: Float64Array) -> Float64Array:
    """(V,) float64, summing to 1: how much each vertex counts, by area; the back of the head and the insides count a tenth."""
    area = thin_plate(vertices, model.faces)[1]
    share = area * np.where(model.part_vertices(*FACE_PARTS), 1.0, 0.1)
    return np.asarray(share / share.sum())


def principal_modes(modes: Float64Array, scale: Float64Array, count: int) -> Float64Array:
    """The `count` strongest principal modes (S, V, 3) of the covariance sum_k m_k m_k', where vertices count by scale^2 (V,)."""
    flat = (modes * scale[:, None]).reshape(len(modes), -1)
    _, sigma, directions = np.linalg.svd(flat, full_matrices=False)
    kept = min(count, int((sigma > 1e-7 * sigma[0]).sum()))
    basis = (sigma[:kept, None] * directions[:kept]).reshape(kept, -1, 3) / scale[:, None]
    # The sign of a singular vector is arbitrary. A fixed projection settles it; "largest entry positive" would not, because a
    # symmetric mode has two of them, of opposite sign.
    sign = np.where(basis.reshape(kept, -1) @ np.sin(np.arange(basis[0].size)) < 0.0, -1.0, 1.0)
    return np.asarray(basis * sign[:, None, None])


def extra_modes(basis: Float64Array, targets: Float64Array, scale: Float64Array, count: int) -> Float64Array:
    """What targets (K, V, 3) hold that the basis (S, V, 3) cannot do: up to `count` modes (N, V, 3) of total spread EXTRA_SPREAD.

    They let a head follow strong evidence into details that the scan model's few people did not show, and cost too much to be
    used without it.
    """
    span = np.linalg.qr((basis * scale[:, None]).reshape(len(basis), -1).T)[0]
    flat = (targets * scale[:, None]).reshape(len(targets), -1)
    rest = (flat - (flat @ span) @ span.T).reshape(targets.shape) / scale[:, None]
    extra = principal_modes(rest, scale, count)
    total = np.sqrt((extra**2 * (scale**2)[:, None]).sum())
    return np.asarray(extra * EXTRA_SPREAD / total)


def symmetric(model: HeadModel, vertices: Float64Array) -> Float64Array:
    """The average of a head (V, 3) and its mirror image."""
    return np.asarray(0.5 * (vertices + vertices[model.mirror] * (-1.0, 1.0, 1.0)))


def template_sum(model: HeadModel) -> str:
    """A fingerprint of a template that survives float noise: vertex and face count and the extent in hundredths of a millimetre."""
    extent = np.round(np.ptp(model.template.astype(np.float64), axis=0) * 1e5).astype(int)
    return f"{len(model.template)}/{len(model.faces)}/{'x'.join(map(str, extent))}"


def save_prior(prior: IdentityPrior, path: Path) -> None:
    """Write the prior, its basis as float16, without a clock in the file: equal priors give equal bytes. Raises OutputError."""
    arrays: dict[str, NDArray[Any]] = {
        "offset": prior.offset,
        "basis": prior.basis.astype(np.float16),
        "meta": np.frombuffer(f"{prior.template_sum}\n{prior.licence}".encode(), np.uint8),
    }
    write_file(path, pack_arrays(arrays))


def read_prior(path: Path) -> IdentityPrior:
    """Read what `save_prior` wrote. Raises HeadModelError when it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as data:
            fingerprint, licence = bytes(data["meta"]).decode().split("\n")
            return IdentityPrior(data["offset"].astype(np.float32), data["basis"].astype(np.float32), fingerprint, licence)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        what = f"The identity prior {path.name} cannot be read ({error})."
        raise HeadModelError(
            what, "Learn it again: python -m facestudio.head.open_head.learned_prior --shared FOLDER."
        ) from error


def apply_prior(model: HeadModel, path: Path) -> HeadModel:
    """The head model with the learned mean head and identity basis in place of its own; everything else stays.

    Raises HeadModelError when the prior was learned for another template (or the model has it already).
    """
    prior = read_prior(path)
    if prior.template_sum != template_sum(model) or prior.offset.shape != model.template.shape:
        what = f"The identity prior {path.name} was learned for another template than {model.name} has now."
        raise HeadModelError(what, "Learn it again: python -m facestudio.head.open_head.learned_prior --shared FOLDER.")
    template = (model.template + prior.offset).astype(np.float32)
    return dataclasses.replace(model, template=template, identity_basis=prior.basis, licence=prior.licence)


def learn_from(shared: Path) -> IdentityPrior:
    """OpenHead's shipped prior from the data folder: ICT-FaceKit, a share of the Surrey face model, MakeHuman's targets."""
    from facestudio.head.open_head.build import build  # late: build merges the finished prior with apply_prior

    model = build()
    ict = carry(model, read_ict(shared / "data" / "ict_facekit"))
    surrey = completed(model, carry(model, read_surrey(shared / "data" / "eos_sfm")), ict)
    return learn(model, [(ict, 1.0 - SURREY_SHARE), (surrey, SURREY_SHARE)], target_deltas()[1], LICENCE)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: learn the prior and write it with its manifest entry."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="folder with data/ict_facekit and data/eos_sfm")
    parser.add_argument(
        "--folder", type=Path, default=models_dir(), help="where to write identity_prior.npz and the manifest entry"
    )
    options = parser.parse_args(arguments)
    save_prior(learn_from(options.shared), options.folder / FILE)
    manifest.record(options.folder, _ENTRY)


if __name__ == "__main__":
    main()
