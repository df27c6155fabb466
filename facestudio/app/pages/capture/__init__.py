"""The Capture page: three live cameras, their checks, one shutter."""
