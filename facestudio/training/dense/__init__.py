"""Training the dense landmark network on synthetic subjects."""
