"""From photos and a fitted head to one texture that says where each of its colours comes from."""
