"""The 3D viewer behind a protocol: the real one draws with VTK, the fake one remembers what it was told."""
