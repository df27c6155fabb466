"""A window that is made for OpenGL from the start.

Qt makes a window anew, with a flash and the loss of the keyboard, when the first OpenGL widget comes into it. The viewer comes late, so an
empty one that is never shown stands in for it; and the surface format that VTK needs is set before any window exists.
"""

from __future__ import annotations

from PySide6.QtGui import QSurfaceFormat
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QWidget

_DEPTH_BITS = 8  # per colour channel and for alpha, as VTK's own Qt widget asks for


def set_surface_format() -> None:
    """Desktop OpenGL 3.2 core with a double buffer: what VTK's shaders are written for. Called before the first window."""
    wanted = QSurfaceFormat()
    wanted.setRenderableType(QSurfaceFormat.RenderableType.OpenGL)
    wanted.setProfile(QSurfaceFormat.OpenGLContextProfile.CoreProfile)
    wanted.setVersion(3, 2)
    wanted.setSwapBehavior(QSurfaceFormat.SwapBehavior.DoubleBuffer)
    wanted.setRedBufferSize(_DEPTH_BITS)
    wanted.setGreenBufferSize(_DEPTH_BITS)
    wanted.setBlueBufferSize(_DEPTH_BITS)
    wanted.setAlphaBufferSize(_DEPTH_BITS)
    wanted.setDepthBufferSize(_DEPTH_BITS)
    wanted.setStencilBufferSize(0)
    wanted.setSamples(0)
    QSurfaceFormat.setDefaultFormat(wanted)


def stand_in(window: QWidget) -> QWidget:
    """The empty OpenGL widget for a window that has not been shown yet."""
    widget = QOpenGLWidget(window)
    widget.setFixedSize(1, 1)
    widget.hide()
    return widget
