"""RAFT (Teed & Deng 2020), trained on what dense refinement asks of an optical flow: the drawing of a textured head against a photo."""
