"""2D evidence in photographs: where the face is, and where its landmarks are."""
