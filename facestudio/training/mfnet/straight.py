"""The best straight answer: codes that are linear in what the average head leaves of the landmarks, in closed form.

Residuals are nearly linear in the identity, so most of what a fusion can know is a linear map, and that needs no thousands of steps: it is
the solution of one linear system (ridge regression, the noise on the landmarks being the greater part of the ridge). What is not linear
is learned from there.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import distributed as dist

from facestudio.progress import CancelToken
from facestudio.reconstruct.mfnet.network import MFNet
from facestudio.training.loop import join_run
from facestudio.training.mfnet.batch import TripletBatch

RIDGE = 1e-3  # of a capture, in squared residuals of 3 mm


@torch.no_grad()
def solve_straight(net: MFNet, batches: Iterable[TripletBatch], cancel: CancelToken | None = None, ridge: float = RIDGE) -> int:
    """Set the straight layer of `net`, and the bias behind it, to what explains the captures of some batches best; how many there were.

    Batches need truth and sights. Under torchrun the captures of all processes count, and all get the same answer. Raises ValueError when
    there are no captures, and Cancelled.
    """
    width, codes = net.straight.in_features, net.straight.out_features
    square, across = torch.zeros(width, width), torch.zeros(width, codes)
    middle, goal, count = torch.zeros(width), torch.zeros(codes), 0
    for batch in batches:
        if cancel:
            cancel.check()
        if batch.truth is None or batch.sight is None:
            raise ValueError("only seen captures with truth can be explained")
        x = net.unexplained(batch.sight, batch.K.flatten(0, 1))[1].reshape(len(batch), -1)
        y = torch.cat([batch.truth.identity, batch.truth.expression], 1)
        square.addmm_(x.T, x)
        across.addmm_(x.T, y)
        middle, goal, count = middle + x.sum(0), goal + y.sum(0), count + len(batch)
    if join_run()[1] > 1:
        total = torch.tensor(count)
        for part in (square, across, middle, goal, total):
            dist.all_reduce(part)
        count = int(total)
    if not count:
        raise ValueError("there is nothing to explain")
    middle, goal = middle / count, goal / count
    square = square / count - torch.outer(middle, middle)
    square.diagonal().add_(ridge)
    weight = torch.linalg.solve(square.double(), (across / count - torch.outer(middle, goal)).double())
    net.straight.weight.copy_(weight.T)
    net.last_layer.bias.copy_(goal - middle @ weight.float())
    return count
