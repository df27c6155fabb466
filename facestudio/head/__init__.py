"""The parametric head: loading any head model in FLAME's form, decoding it, and the landmarks embedded in it."""
