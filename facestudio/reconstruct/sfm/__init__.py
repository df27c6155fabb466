"""Deep structure from motion of a face: depth per picture, camera motion per pair, and the losses that tie them (MM '21)."""
