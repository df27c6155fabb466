"""A point cloud is written so that others read it, and stays with the head it belongs to."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from facestudio.export.cloud import cloud_bytes
from facestudio.types import PointCloud


def cloud(count: int = 50) -> PointCloud:
    rng = np.random.default_rng(0)
    normals = rng.standard_normal((count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return PointCloud(
        (0.1 * rng.standard_normal((count, 3))).astype(np.float32),
        rng.integers(0, 256, (count, 3)).astype(np.uint8),
        normals.astype(np.float32),
        rng.integers(1, 4, count).astype(np.uint8),
    )


def test_another_program_reads_the_points_and_their_colours() -> None:
    given = cloud()
    read: Any = trimesh.load(io.BytesIO(cloud_bytes(given, "size assumed")), file_type="ply")
    assert np.allclose(read.vertices, given.points, atol=1e-6)
    assert np.array_equal(np.asarray(read.colors)[:, :3], given.colours)


def test_the_header_says_units_and_notes_and_the_rest_is_the_rows() -> None:
    raw = cloud_bytes(cloud(), "the size\nis assumed")
    header, rows = raw.split(b"end_header\n", 1)
    assert b"comment the size is assumed\n" in header
    assert b"metres, +Y up" in header
    assert len(rows) == 50 * (6 * 4 + 4)


def test_no_points_are_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "none.ply"
    path.write_bytes(cloud_bytes(cloud(0)))
    assert path.read_bytes().endswith(b"end_header\n")
