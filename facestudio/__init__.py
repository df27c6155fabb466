"""FaceStudio: three photos of a face become a textured, rigged 3D head that opens in Blender.

Importing this package is cheap: torch, OpenCV and mediapipe load when `reconstruct` is first asked for.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facestudio.pipeline.build_head import reconstruct

# Before numpy is first imported, or it is without effect: linear algebra on threads of its own waits by spinning, and takes the cores
# from the photos that are matched side by side (a fifth of the time). Products here are too small to gain by it; networks keep theirs.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"

__all__ = ["__version__", "reconstruct"]


class _FrontDoor(ModuleType):
    """This package, where `reconstruct` is always the use-case of that name and never the room `facestudio/reconstruct`.

    Python binds a sub-package's name in its parent when the sub-package is first imported, which would take the function's place;
    the property keeps it. The room is reached as ever: `from facestudio.reconstruct.fit import ...`.
    """

    @property
    def reconstruct(self) -> object:
        """`facestudio.pipeline.build_head.reconstruct`, imported on first use."""
        from facestudio.pipeline.build_head import reconstruct

        return reconstruct

    @reconstruct.setter
    def reconstruct(self, room: ModuleType) -> None:
        """Ignore the import system's binding of the room."""


sys.modules[__name__].__class__ = _FrontDoor
