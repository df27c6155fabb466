"""Training the deep SfM networks on sequences of one head each."""
