"""How a hand moves the eye: round the head, sideways, closer. Maths only; no Qt, no VTK.

VTK has interactor styles for this; with Qt they draw every move twice, and they let the head roll over.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facestudio.app.viewer.placement import Placement

_STEEPEST = 85.0  # degrees: beyond the pole left would become right
_NEAREST, _FARTHEST = 0.12, 4.0  # metres
_UP = np.array([0.0, 1.0, 0.0])


def orbited(eye: Placement, right: float, up: float) -> Placement:
    """The eye moved round its focal point by degrees, upright."""
    offset = eye.position - eye.focal_point
    distance = float(np.linalg.norm(offset))
    azimuth = np.arctan2(offset[0], offset[2]) + np.radians(right)
    elevation = np.degrees(np.arcsin(np.clip(offset[1] / distance, -1.0, 1.0))) + up
    steep = np.radians(np.clip(elevation, -_STEEPEST, _STEEPEST))
    towards = np.array([np.sin(azimuth) * np.cos(steep), np.sin(steep), np.cos(azimuth) * np.cos(steep)])
    return replace(eye, position=eye.focal_point + distance * towards, up=_UP)


def panned(eye: Placement, right: float, down: float) -> Placement:
    """The eye moved so that what is at the focal point moves right and down by these shares of the picture's height."""
    forward = eye.focal_point - eye.position
    distance = float(np.linalg.norm(forward))
    side = np.cross(forward / distance, eye.up)
    side = side / np.linalg.norm(side)
    up = np.cross(side, forward / distance)
    height = 2.0 * distance * np.tan(np.radians(eye.angle) / 2.0)
    shift = height * (down * up - right * side)
    return replace(eye, position=eye.position + shift, focal_point=eye.focal_point + shift)


def closer(eye: Placement, factor: float) -> Placement:
    """The eye nearer to its focal point by a factor; below 1 farther away. Never into the head, never out of sight."""
    offset = eye.position - eye.focal_point
    distance = float(np.linalg.norm(offset))
    wanted = float(np.clip(distance / factor, _NEAREST, _FARTHEST))
    return replace(eye, position=eye.focal_point + offset * (wanted / distance))
