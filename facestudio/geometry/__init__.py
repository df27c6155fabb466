"""Cameras, rotations, frames, rasteriser: mathematics only, no files and no models."""
