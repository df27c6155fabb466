"""What MFNet gets wrong of people it has not learned from: makes models/mfnet_error.npz, by which refinement weighs its word.

`python -m facestudio.training.mfnet.study --held-out DIR`, where DIR is made by
`facestudio synth --subjects 300 --size 192 --seed 12 -o DIR`.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable
from pathlib import Path

import torch

from facestudio import manifest
from facestudio.errors import DatasetError
from facestudio.head.store import load_head
from facestudio.paths import models_dir
from facestudio.reconstruct.identity_evidence import IdentityError, save_error
from facestudio.reconstruct.mfnet.mirror import mirror_of
from facestudio.reconstruct.mfnet.network import MFNet
from facestudio.reconstruct.mfnet.predict import ERROR_FILE, FILE, read_network
from facestudio.training.mfnet.batch import TripletBatch
from facestudio.training.mfnet.cache import remember
from facestudio.training.mfnet.supervision import predict
from facestudio.training.mfnet.triplets import SyntheticTriplets

_LOG = logging.getLogger(__name__)
_ENTRY = {
    "name": "mfnet-error",
    "file": ERROR_FILE,
    "licence": "CC0-1.0 AND MIT AND Apache-2.0",
    "made_by": "python -m facestudio.training.mfnet.study --held-out DIR",
    "source": "statistics of mfnet.npz on 300 synthetic OpenHead subjects wearing MakeHuman's CC0 assets (facestudio synth, seed 12)",
}
_NOTHING_KNOWN = 0.9  # of the spread's square: above it, a few hundred captures cannot tell an error from knowing nothing


@torch.no_grad()
def identity_error(net: MFNet, batches: Iterable[TripletBatch]) -> IdentityError:
    """The network's error on captures with truth that it has not learned from; the spread itself where it knows nothing.

    Raises ValueError when none has truth.
    """
    pairs = [(predict(net, batch).identity, batch.truth.identity) for batch in batches if batch.truth is not None]
    if not pairs:
        raise ValueError("there is no capture with truth")
    said, true = (torch.cat(part).double() for part in zip(*pairs, strict=True))
    error, spread = (x.square().mean(0) for x in (said - true, true))
    error = torch.where(error > _NOTHING_KNOWN * spread, spread, error)
    return IdentityError(error.sqrt().numpy(), spread.sqrt().numpy())


def main() -> None:
    """Make the shipped error of the shipped network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--held-out", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    model = load_head("open")
    net = read_network(models_dir() / FILE, model)
    c = net.config
    mirror = mirror_of(model, c.identity, c.expression)
    captures = SyntheticTriplets([arguments.held_out], model, mirror, c.side, c.identity, c.expression, 1)
    batches = list(captures.held_out(25, 1_000_000))
    if not batches:
        raise DatasetError(f"{arguments.held_out} holds no captures.", "Make them with facestudio synth.")
    error = identity_error(net, remember(net, batches, sum(len(b) for b in batches)).batches(0, 50))
    save_error(error, models_dir() / ERROR_FILE)
    manifest.record(models_dir(), _ENTRY)
    _LOG.info("of %d coefficients something is known", int((error.error < error.spread).sum()))


if __name__ == "__main__":
    main()
