"""From 2D evidence to a head: the engines."""
