"""Puts trained dense landmarks among the shipped models, their sigmas made honest.

`python -m facestudio.training.dense.ship --weights RUN/dense_landmarks_net.npz --factor F`, F being what `training.dense.study` says of
these weights.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path

import numpy as np

from facestudio import manifest
from facestudio.atomic import write_file
from facestudio.errors import HeadModelError
from facestudio.head.model import pack_arrays
from facestudio.landmarks.dense_net import FILE
from facestudio.paths import models_dir

_ENTRY = {
    "name": "dense-landmarks-net",
    "file": FILE,
    "licence": "CC0-1.0 AND MIT AND Apache-2.0",
    "made_by": "facestudio train landmarks, then python -m facestudio.training.dense.ship (docs/dense_landmarks.md)",
    "source": "trained from random weights on photos of synthetic OpenHead subjects wearing MakeHuman's CC0 assets (facestudio synth, "
    "seed 1) and on what mediapipe FaceMesh 0.10.21 (Apache-2.0) gets wrong on them; no photograph of a person was used",
}


def ship(weights: Path, models: Path, factor: float) -> None:
    """Write the weights to a models folder, sigmas times `factor`, with their manifest entry. Raises HeadModelError, OutputError."""
    try:
        with np.load(io.BytesIO(weights.read_bytes()), allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
        arrays["sigma_scale"] = (arrays["sigma_scale"] * np.float32(factor)).astype(np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise HeadModelError(f"The weights {weights} cannot be read ({error}).", "Train them again.") from error
    write_file(models / FILE, pack_arrays(arrays))
    manifest.record(models, _ENTRY)


def main() -> None:
    """Ship to models/."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--factor", type=float, required=True)
    arguments = parser.parse_args()
    ship(arguments.weights, models_dir(), arguments.factor)


if __name__ == "__main__":
    main()
