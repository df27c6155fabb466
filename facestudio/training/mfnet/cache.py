"""What a frozen trunk sees never changes: look once, then train everything behind it from memory, a hundred times as fast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from facestudio.progress import CancelToken, Progress, silent
from facestudio.reconstruct.mfnet.network import MFNet, Sight
from facestudio.training.mfnet.batch import TripletBatch, Truth
from facestudio.training.mfnet.vague import VagueError

_HALF = torch.float16


@dataclass(frozen=True)
class JitterConfig:
    """How remembered sights are varied.

    landmarks: noise, in stated standard deviations of each. vague: share of the smooth errors of `VagueError`, which all views have in
    common. features: relative noise of the trunk's features. focal: relative error of what the network is told, beside the one remembered.
    """

    landmarks: float = 0.7
    vague: float = 1.0
    focal: float = 0.03
    features: float = 0.2


class SightCache:
    """Sights of N captures with everything their losses need, in half precision (about 60 kB for a capture).

    arrays: tensors by name: "sight/…" of the 3 N views, "truth/…", "K", "landmarks", "visible" of the N captures. vague: draws the smooth
    errors that a jitter asks for; None for a cache that is not varied.
    """

    def __init__(self, arrays: dict[str, Tensor], vague: VagueError | None = None) -> None:
        self.arrays, self.vague = arrays, vague

    def __len__(self) -> int:
        """N."""
        return len(self.arrays["K"])

    def batches(self, epoch: int, size: int, seed: int = 0, jitter: JitterConfig | None = None) -> Iterator[TripletBatch]:
        """One pass in random order, varied (jitter None: in order, as it was); deterministic by seed and epoch."""
        rng = torch.Generator().manual_seed(1_000_003 * seed + epoch)
        order = torch.arange(len(self)) if jitter is None else torch.randperm(len(self), generator=rng)
        last = len(self) if jitter is None else max(len(self) - size + 1, 1)
        for start in range(0, last, size):
            batch = self._at(order[start : start + size])
            yield batch if jitter is None else varied(batch, jitter, rng, self.vague)

    def _at(self, rows: Tensor) -> TripletBatch:
        views = (3 * rows[:, None] + torch.arange(3)).flatten()
        a = self.arrays
        sight = Sight(**{f.name: a[f"sight/{f.name}"][views].float() for f in fields(Sight)})
        truth = Truth(**{f.name: a[f"truth/{f.name}"][rows] for f in fields(Truth)})
        none = torch.zeros(0)
        return TripletBatch(none, a["K"][rows], none, a["landmarks"][rows].float(), a["visible"][rows], truth, sight)


def varied(batch: TripletBatch, jitter: JitterConfig, rng: torch.Generator, vague: VagueError | None = None) -> TripletBatch:
    """A batch with noise on what was seen and on the focal length told; smooth errors only with what draws them."""
    sight = batch.sight
    assert sight is not None and sight.landmarks is not None and sight.log_sigma is not None and batch.truth is not None

    def noise(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=rng)

    points = sight.landmarks + jitter.landmarks * torch.exp(sight.log_sigma)[..., None] * noise(sight.landmarks)
    if vague is not None and jitter.vague:
        points = points + jitter.vague * vague.draw(batch, rng)
    grain = 1.0 + jitter.features * noise(sight.feature)
    told = torch.exp(jitter.focal * torch.randn(len(batch), 1, 1, generator=rng))
    K, t = batch.K.clone(), batch.truth.t.clone()
    K[:, :, 0, 0] *= told[..., 0]
    K[:, :, 1, 1] *= told[..., 0]
    t[:, :, 2] *= told[..., 0]  # what looks the same through a longer lens stands farther away
    return replace(
        batch,
        K=K,
        truth=replace(batch.truth, t=t),
        sight=replace(sight, landmarks=points, feature=sight.feature * grain),
    )


@torch.no_grad()
def remember(
    net: MFNet, batches: Iterable[TripletBatch], most: int, progress: Progress = silent, cancel: CancelToken | None = None
) -> SightCache:
    """Look at the captures of some batches, at most so many, with the trunk as it is."""
    net.eval()
    found: list[dict[str, Tensor]] = []
    count = 0
    for batch in batches:
        if cancel:
            cancel.check()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            sight = net.look(batch.crops.flatten(0, 1), batch.detected.flatten(0, 1))
        found.append(_arrays(batch, sight))
        count += len(batch)
        progress("look", min(count / most, 1.0), f"{count} captures")
        if count >= most:
            break
    if not found:
        raise ValueError("there is nothing to look at")
    return SightCache({name: torch.cat([part[name] for part in found]) for name in found[0]})


def _arrays(batch: TripletBatch, sight: Sight) -> dict[str, Tensor]:
    if batch.truth is None or sight.landmarks is None:
        raise ValueError("only captures with truth, seen by a network with landmarks, are worth remembering")
    arrays = {f"sight/{f.name}": getattr(sight, f.name).to(_HALF) for f in fields(Sight)}
    arrays |= {f"truth/{f.name}": getattr(batch.truth, f.name) for f in fields(Truth)}
    return arrays | {"K": batch.K, "landmarks": batch.landmarks.to(_HALF), "visible": batch.visible}
