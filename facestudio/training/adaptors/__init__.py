"""Other people's data, read from a user's own licensed copy and rendered into the sequences that deep SfM trains on."""
