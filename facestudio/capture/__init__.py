"""Live cameras: finding them, reading three at once, choosing the best synchronous triplet, keeping it, and calibrating the rig.

A camera here is a device that sends pictures (`capture.camera.LiveCamera`); `types.Camera` is the mathematical one.
"""

import os

# Media Foundation takes up to 20 s to open a camera when it looks for hardware transforms first. OpenCV reads this variable when it
# is loaded, and every way to a camera leads through this package.
os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")
# A camera that is gone is told in the window; what FFmpeg and OpenCV write about it to the console helps nobody.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
