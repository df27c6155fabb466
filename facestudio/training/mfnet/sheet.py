"""A picture of how far a training is: held-out captures, the head the network gives them, and the true one beside it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from facestudio.atomic import write_file
from facestudio.head.model import HeadModel
from facestudio.reconstruct.mfnet.decode import vertex_decoder
from facestudio.reconstruct.mfnet.network import MFNet, Prediction
from facestudio.reconstruct.mfnet.perspective import project
from facestudio.reconstruct.mfnet.render import carry, see, vertex_normals
from facestudio.training.mfnet.batch import TripletBatch
from facestudio.types import ByteArray


class Sheet:
    """Writes `path` (PNG) at most every so many minutes, one row for each capture.

    Its crops; the crops with the head over them; the network's neutral head and, where it is known, the true one, from the front.
    """

    def __init__(self, model: HeadModel, net: MFNet, captures: Sequence[TripletBatch], path: Path, minutes: float) -> None:
        """captures: batches with pictures, of which the first is drawn, at most four captures."""
        self.net, self.path, self.pause = net, path, 60.0 * minutes
        self.batch, self.count = captures[0], min(len(captures[0]), 4)
        self.vertices = vertex_decoder(model, net.config.identity, net.config.expression)
        self.faces = torch.from_numpy(model.faces).long()
        side = net.config.side
        middle = torch.from_numpy(model.template[model.part_vertices("face", "skin")].mean(0)).float()
        # Portraits: from straight ahead, half a metre away, 0.28 metres across.
        self._K = torch.tensor([[side / 0.56, 0.0, (side - 1) / 2], [0.0, side / 0.56, (side - 1) / 2], [0.0, 0.0, 1.0]])
        self._R = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
        self._t = torch.tensor([0.0, 0.0, 0.5]) - self._R @ middle
        self._last = -np.inf

    def update(self, now: bool = False) -> None:
        """Draw the net as it is, unless the last picture is younger than the pause (now: in any case). Raises OutputError."""
        if not now and time.monotonic() - self._last < self.pause:
            return
        training = self.net.training
        self.net.eval()
        with torch.no_grad():
            said = self.net(self.batch.crops, self.batch.K, self.batch.detected)
            rows = [self._row(said, i) for i in range(self.count)]
        self.net.train(training)
        code = cv2.imencode(".png", np.ascontiguousarray(np.concatenate(rows)[..., ::-1]))[1]
        write_file(self.path, np.asarray(code, np.uint8).tobytes())
        self._last = time.monotonic()

    def _row(self, said: Prediction, i: int) -> ByteArray:
        crops, K, truth = self.batch.crops[i], self.batch.K[i], self.batch.truth
        over = []
        for v in range(3):
            head = self.vertices(said.identity[i : i + 1], said.expression[i : i + 1], said.jaw[i, v][None])[0]
            grey, hit = self._draw(head, K[v], said.R[i, v], said.t[i, v])
            over.append(torch.where(hit, 0.35 * crops[v] + 0.65 * grey, crops[v]))
        still = torch.zeros_like(said.expression[i : i + 1])
        codes = [said.identity[i : i + 1]] + ([] if truth is None else [truth.identity[i : i + 1]])
        alone = [self._draw(self.vertices(code, still)[0], self._K, self._R, self._t)[0] for code in codes]
        row = torch.cat([*crops, *over, *alone], 2).permute(1, 2, 0)
        return (row.clamp(0, 1) * 255.0).round().to(torch.uint8).numpy()

    def _draw(self, head: Tensor, K: Tensor, R: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """A head (V, 3) in grey, lit from the camera: (3, S, S), and where (S, S) bool it is."""
        side = self.net.config.side
        seen = see(project(head, K, R, t), self.faces, side, side)
        normals = carry(seen, self.faces, vertex_normals(head, self.faces))
        lit = (normals @ -R[2]).clamp(0.0, 1.0) * 0.85 + 0.1
        return (lit * seen.hit)[None].expand(3, -1, -1), seen.hit
