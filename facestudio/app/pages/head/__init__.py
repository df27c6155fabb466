"""The Head page: the head in 3D, its photos, what it is worth, and sliders for its face."""
