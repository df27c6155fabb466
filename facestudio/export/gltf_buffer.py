"""Arrays into the one binary buffer of a .glb file, with the views and accessors that describe them."""

from __future__ import annotations

import numpy as np
import pygltflib as gltf
from numpy.typing import NDArray

from facestudio.types import Float32Array

_COMPONENT = {"uint8": gltf.UNSIGNED_BYTE, "uint16": gltf.UNSIGNED_SHORT, "uint32": gltf.UNSIGNED_INT, "float32": gltf.FLOAT}
_TYPE = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
_ALIGNMENT = 4
_SHORT_LIMIT = 65536


class GltfBuffer:
    """Grows while a document is built. data: the bytes. views, accessors: what to put into the document."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[gltf.BufferView] = []
        self.accessors: list[gltf.Accessor] = []

    def view(self, content: bytes, target: int | None = None) -> int:
        """Append bytes as a buffer view of their own; returns its index. target: ARRAY_BUFFER and so on, or None."""
        self.views.append(gltf.BufferView(buffer=0, byteOffset=len(self.data), byteLength=len(content), target=target))
        self.data += content + bytes(-len(content) % _ALIGNMENT)
        return len(self.views) - 1

    def accessor(self, array: NDArray[np.generic], target: int | None, bounds: bool = False) -> int:
        """Append an array (N, …) of a type glTF knows; returns the accessor's index. bounds: state minimum and maximum."""
        view = self.view(np.ascontiguousarray(array).tobytes(), target)
        accessor = _describe(array, len(array))
        accessor.bufferView = view
        if bounds:
            _bound(accessor, array.min(axis=0), array.max(axis=0))
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def morphs(self, deltas: Float32Array, threshold: float) -> list[int]:
        """Append morph targets (E, S, 3), metres, each sparse where that is smaller; returns their accessors' indices.

        Vertices that move less than threshold, metres, are left out. All sparse targets share two views, to keep the JSON small.
        """
        moved = (np.abs(deltas) >= threshold).any(axis=-1)
        count = deltas.shape[1]
        kind = np.dtype(np.uint16 if count <= _SHORT_LIMIT else np.uint32)
        indices, values = bytearray(), bytearray()
        pending: list[gltf.Sparse] = []
        numbers: list[int] = []
        for delta, mask in zip(deltas, moved, strict=True):
            ids = np.flatnonzero(mask)
            # A sparse accessor must name at least one vertex.
            ids = ids if len(ids) else np.zeros(1, dtype=np.int64)
            if len(ids) * (kind.itemsize + 12) >= count * 12:
                numbers.append(self.accessor(delta, gltf.ARRAY_BUFFER, bounds=True))
                continue
            kept = delta[ids] * mask[ids, None]
            accessor = _describe(delta, count)
            # Vertices not named are zero, and the bounds must span them.
            _bound(accessor, np.minimum(kept.min(axis=0), 0), np.maximum(kept.max(axis=0), 0))
            accessor.sparse = gltf.Sparse(
                count=len(ids),
                indices=gltf.AccessorSparseIndices(byteOffset=len(indices), componentType=_COMPONENT[kind.name]),
                values=gltf.AccessorSparseValues(byteOffset=len(values)),
            )
            pending.append(accessor.sparse)
            indices += ids.astype(kind).tobytes()
            values += kept.tobytes()
            self.accessors.append(accessor)
            numbers.append(len(self.accessors) - 1)
        if pending:
            index_view, value_view = self.view(bytes(indices)), self.view(bytes(values))
            for sparse in pending:
                sparse.indices.bufferView, sparse.values.bufferView = index_view, value_view
        return numbers


def _describe(array: NDArray[np.generic], count: int) -> gltf.Accessor:
    return gltf.Accessor(
        byteOffset=None,  # illegal without a buffer view, and zero is the default
        componentType=_COMPONENT[array.dtype.name],
        normalized=None,
        count=count,
        type=_TYPE[array.shape[1:]],
    )


def _bound(accessor: gltf.Accessor, low: NDArray[np.generic], high: NDArray[np.generic]) -> None:
    accessor.min, accessor.max = low.tolist(), high.tolist()
