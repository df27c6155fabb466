"""The exact distance from points to a triangle surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facestudio.errors import DatasetError
from facestudio.evaluate.bounding_boxes import build_tree, query_tree
from facestudio.types import Float64Array, FloatArray, IntArray, Mesh


@dataclass(frozen=True)
class Nearest:
    """Where a surface is nearest to each of P points.

    points: (P, 3) float64, on the surface, in the surface's frame and unit. distances: (P,) float64, unsigned.
    faces: (P,) int64: the triangle each point lies on, as an index into the surface's `normals`.
    """

    points: Float64Array
    distances: Float64Array
    faces: IntArray


class Surface:
    """A triangle surface that answers "what is the nearest point on you?" exactly, about 3 microseconds a point.

    Triangles without area are left out: their edges belong to their neighbours. Vertices used twice (as texture seams do)
    change nothing, because only the triangles' positions count.
    """

    def __init__(self, mesh: Mesh) -> None:
        """Build the search tree of a mesh. Raises DatasetError when it has no triangle with area, or is not finite."""
        vertices = np.asarray(mesh.vertices, dtype=np.float64)
        corners = vertices[np.asarray(mesh.faces, dtype=np.int64)]
        if not np.isfinite(corners).all():
            raise DatasetError("A mesh holds coordinates that are not finite numbers.", "Build or export it again.")
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        lengths = np.linalg.norm(normals, axis=1)
        solid = lengths > 0.0
        if not solid.any():
            raise DatasetError("A mesh has no triangles to measure against.", "Build or export it again.")
        self._corners = np.ascontiguousarray(corners[solid])
        self.normals: Float64Array = normals[solid] / lengths[solid, None]  # (F', 3) unit, outward
        self._tree = build_tree(self._corners)

    def nearest(self, points: FloatArray, guess: IntArray | None = None) -> Nearest:
        """The nearest surface point of each of the points (P, 3), in the surface's frame.

        guess: (P,) int64, `faces` of an earlier answer for about the same points: makes the search faster, never different.
        """
        points = np.ascontiguousarray(points, dtype=np.float64)
        if guess is None:
            guess = np.zeros(len(points), dtype=np.int64)
        found = query_tree(self._corners, *self._tree, points, np.ascontiguousarray(guess, dtype=np.int64))
        return Nearest(*found)
