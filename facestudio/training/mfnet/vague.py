"""What landmarks of real skins get wrong beyond what they get wrong on synthetic ones: made up, to be learned from.

On faces that are not like those it was trained on, a detector does not scatter: a whole forehead lies higher than it is, a whole cheek
nearer, the same in all photos. No training set of ours shows that. What can be said beforehand: such errors are smooth over the
head, they belong to places on it and therefore to all views at once, and they are largest where the network itself is least sure of the
place, as on brows and temples without any mark. So they are drawn as a smooth random field on the head that moves its points in space
(a Gaussian process of one length), seen by the three cameras, whose size grows with the stated standard deviation.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from facestudio.training.mfnet.batch import TripletBatch

LENGTH_M = 0.06  # metres over which places err together
_KEPT = 0.99  # of the field's variance
_UNIT_MM = 1.0


class VagueError:
    """Draws such errors for points of the average head, (L, 3) metres, in the order of the sights' landmarks."""

    def __init__(self, points: Tensor, length_m: float = LENGTH_M) -> None:
        places = points.double().numpy()
        gaps = np.linalg.norm(places[:, None] - places[None], axis=2)
        size, shape = np.linalg.eigh(np.exp(-0.5 * (gaps / length_m) ** 2))
        size, shape = np.maximum(size[::-1], 0.0), shape[:, ::-1]
        count = int(np.searchsorted(np.cumsum(size) / size.sum(), _KEPT)) + 1
        # (L, M): columns times independent normal numbers are the field; every point has a variance of about one.
        self.modes = torch.from_numpy((shape[:, :count] * np.sqrt(size[:count])).astype(np.float32))

    def draw(self, batch: TripletBatch, rng: torch.Generator) -> Tensor:
        """(3 B, L, 2) crop pixels: what to add to a batch's landmarks.

        A point whose standard deviation is s millimetres moves by s^2 / 1 mm in each direction of the head (one standard deviation): what
        is known well hardly moves. Needs the truth (which way the head turns) and sights with log_sigma.
        """
        truth, sight = batch.truth, batch.sight
        if truth is None or sight is None or sight.log_sigma is None:
            raise ValueError("only seen captures with truth can be shaken")
        size = len(batch), 3, self.modes.shape[1]
        field = torch.randn(size, generator=rng) @ self.modes.T  # (B, 3 directions, L)
        across = torch.einsum("bvij,bjl->bvli", truth.R, field)[..., :2].flatten(0, 1)  # (3 B, L, 2)
        pixels_per_mm = (batch.K[:, :, 0, 0] / (1000.0 * truth.t[:, :, 2])).flatten()[:, None]
        sigma_mm = torch.exp(sight.log_sigma) / pixels_per_mm
        return across * (sigma_mm.square() / _UNIT_MM * pixels_per_mm)[..., None]
