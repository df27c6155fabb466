"""Where the three cameras are and how their lenses draw: from pictures of one printed board to millimetres."""
