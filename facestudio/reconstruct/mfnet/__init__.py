"""MFNet: three pictures of one face in, one head out, in a single pass (Zheng et al., "MFNet", the first of our two papers)."""
