"""What mediapipe really says of a data set's pictures, kept beside the shards for the training of the dense landmarks.

Drawing its errors from a model (`starts.simulate`) costs no pictures, but such errors do not depend on what a picture shows; real ones
do: a fringe, a beard, a hard shadow pull whole groups of points along. On held-out pictures real detections are nearer to the truth than
drawn ones, and yet starts made from them are farther off: the network that makes starts had learned to undo another kind of error.

`python -m facestudio.training.dense.detected --data DIR [--shards N]` writes DIR/mediapipe-00000.npz and so on, seconds a
shard; those that exist are left as they are, so that a stopped run goes on. `facestudio train landmarks` uses the ones it finds.
"""

from __future__ import annotations

import argparse
import io
import logging
import zipfile
from pathlib import Path

import numpy as np

from facestudio.atomic import write_file
from facestudio.errors import DatasetError, NoFaceError
from facestudio.head.landmarks import embedding
from facestudio.head.model import pack_arrays
from facestudio.head.store import load_head
from facestudio.landmarks.detector import LandmarkDetector
from facestudio.landmarks.mediapipe_detector import SCHEME, MediapipeDetector
from facestudio.training.synth.shard import Shard, read_dataset, read_shard
from facestudio.types import Float32Array, Image, IntArray

_LOG = logging.getLogger(__name__)


def detected_path(shard: Path) -> Path:
    """The file of what was detected in a shard's pictures."""
    return shard.with_name(shard.name.replace("shard-", "mediapipe-"))


def detect_points(shard: Shard, detector: LandmarkDetector, ids: IntArray) -> Float32Array:
    """(N, D, 2) float32: the landmarks `ids` of every picture, pixels; NaN where no face is found."""
    points = np.full((len(shard), len(ids), 2), np.nan, np.float32)
    for i in range(len(shard)):
        try:
            points[i] = detector.detect(Image(shard.picture(i)), f"picture {i}").landmarks.points[ids]
        except NoFaceError:
            continue
    return points


def write_detected(path: Path, points: Float32Array) -> None:
    """Keep the points (N, D, 2) of a shard, whole or not at all. Raises OutputError."""
    write_file(path, pack_arrays({"points": points.astype(np.float16)}))


def read_detected(shard: Path, pictures: int, points: int) -> Float32Array | None:
    """What was detected in a shard, (pictures, points, 2) float32, NaN where no face was; None where nobody has looked yet.

    Raises DatasetError for a damaged file and for one that belongs to another shard or another set of landmarks.
    """
    path = detected_path(shard)
    if not path.is_file():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as data:
            found: Float32Array = data["points"].astype(np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path} cannot be read ({error}).", "Delete it and run the detection again.") from error
    if found.shape != (pictures, points, 2):
        raise DatasetError(f"{path} does not belong to {shard.name}.", "Delete it and run the detection again.")
    return found


def main() -> None:
    """Look at the shards that nobody has looked at yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=None, help="the first so many (all)")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    ids = embedding(load_head("open"), SCHEME).ids
    with MediapipeDetector() as detector:
        for path in read_dataset(arguments.data).shards[: arguments.shards]:
            if detected_path(path).is_file():
                continue
            points = detect_points(read_shard(path), detector, ids)
            write_detected(detected_path(path), points)
            _LOG.info("%s: a face in %d of %d", path.name, np.isfinite(points[:, 0, 0]).sum(), len(points))


if __name__ == "__main__":
    main()
