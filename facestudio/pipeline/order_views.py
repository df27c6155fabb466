"""Which view each photo is, by the estimated turn of the head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from facestudio.progress import CancelToken
from facestudio.types import ViewName

Order = Callable[[Sequence[Path]], tuple[Mapping[ViewName, Path], tuple[str, ...]]]


class TurnOrder:
    """Views by the estimated turn of the head; the detector is made once for a whole import."""

    def __init__(self, cancel: CancelToken) -> None:
        from facestudio.head.store import load_head
        from facestudio.landmarks.mediapipe_detector import MediapipeDetector
        from facestudio.pipeline.evidence import evidence_basis

        self._cancel = cancel
        self._basis, self._detector = evidence_basis(load_head("open")), MediapipeDetector()

    def close(self) -> None:
        """Release the detector."""
        self._detector.close()

    def __call__(self, photos: Sequence[Path]) -> tuple[Mapping[ViewName, Path], tuple[str, ...]]:
        """(view -> photo, notes) for one to three photos. Raises NoFaceError, PictureError, FitError."""
        from facestudio.pipeline.import_triplet import find_views, read_photos

        triplet = find_views(read_photos(photos), self._basis, self._detector, cancel=self._cancel)
        placed = {view.name: view.image.source for view in triplet.views if view.image.source is not None}
        repeated = len(photos) - len(placed)
        notes = (f"{repeated} of the photos shows the same as another and was left out.",) if repeated else ()
        return placed, notes


def as_given(photos: Sequence[Path]) -> tuple[Mapping[ViewName, Path], tuple[str, ...]]:
    """The views in the order in which the photos are given."""
    views = [ViewName.FRONT] if len(photos) == 1 else list(ViewName)[: len(photos)]
    return dict(zip(views, photos, strict=True)), ()
