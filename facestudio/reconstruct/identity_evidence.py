"""What somebody who looked at the photos says of the identity: a measurement of the coefficients, beside landmarks and matches.

A network that was trained to be right on the average answers with the mean of what is likely, and so always a little too near to the
average head. Taken as it is, its answer would count the prior twice. With an error of s, and people that spread by t, it knows of a
coefficient

    1 / v = 1 / s^2 - 1 / t^2        beyond the prior,        y = c v / s^2        being what it measured

when it answers c: together with the prior, y gives back c and s (the product of Gaussians). What it answers without knowing, s = t, is
no evidence.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facestudio.atomic import write_file
from facestudio.errors import HeadModelError
from facestudio.head.model import pack_arrays
from facestudio.types import Float64Array


@dataclass(frozen=True)
class IdentityError:
    """How wrong a network's identities are, learned from subjects whose truth is known.

    error, spread: (K,) float64, standard deviations of its error in each coefficient, and of the coefficient itself among those subjects.
    """

    error: Float64Array
    spread: Float64Array


@dataclass(frozen=True)
class IdentityEvidence:
    """A measurement of the first K identity coefficients.

    value: (K,) float64, standard deviations of the head model. precision: (K,) float64, of each, 1 / variance; 0 where nothing is known.
    """

    value: Float64Array
    precision: Float64Array


def without_prior(answer: Float64Array, of: IdentityError) -> IdentityEvidence:
    """What an answer (K,) knows beyond the prior."""
    precision = np.maximum(of.error**-2 - of.spread**-2, 0.0)
    known = precision > 0.0
    kept = 1.0 - (of.error / of.spread) ** 2  # of what there was to know
    return IdentityEvidence(np.where(known, answer / np.where(known, kept, 1.0), 0.0), precision)


def save_error(of: IdentityError, path: Path) -> None:
    """Write it as .npz (float32)."""
    write_file(path, pack_arrays({"error": of.error.astype(np.float32), "spread": of.spread.astype(np.float32)}))


def load_error(path: Path) -> IdentityError:
    """Read what `save_error` wrote. Raises HeadModelError when it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as data:
            return IdentityError(data["error"].astype(np.float64), data["spread"].astype(np.float64))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise HeadModelError(f"The network's error {path.name} cannot be read ({error}).", "Reinstall FaceStudio.") from error
