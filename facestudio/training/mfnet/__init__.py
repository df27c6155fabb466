"""Training MFNet: triplets, supervision by synthetic truth, and the paper's own losses."""
