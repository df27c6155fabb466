"""The Rig page: print the board, calibrate the cameras, see how good it is."""
