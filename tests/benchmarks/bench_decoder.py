"""How long a head takes to decode: `python -m tests.benchmarks.bench_decoder`. Goal: 5 ms per forward at 150 + 52 components."""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
import torch

from facestudio.head.decoder import Decoder
from facestudio.head.store import load_head
from tests.benchmarks.bench_rasterize import timed


def main() -> None:
    head = load_head()
    decoder = Decoder(head)
    rng = np.random.default_rng(0)
    identity, expression = rng.normal(0, 1, decoder.identity_count), rng.normal(0, 0.3, decoder.expression_count)
    pose = rng.normal(0, 0.2, (5, 3))
    sys.stdout.write(
        f"{head.name}: {head.vertex_count} vertices, {decoder.identity_count} + {decoder.expression_count} components\n"
    )
    for threads in (1, 2):
        torch.set_num_threads(threads)
        sys.stdout.write(f"torch threads: {threads}\n")
        timed("decode, posed (smplx lbs)", lambda: decoder.decode(identity, expression, pose))
        timed("shape, neutral pose (numpy)", lambda: decoder.shape(identity, expression))
        batch = [torch.tensor(np.tile(x, (8,) + (1,) * x.ndim), dtype=torch.float32) for x in (identity, expression, pose)]
        timed("forward, batch of 8", partial(decoder.forward, *batch))


if __name__ == "__main__":
    main()
