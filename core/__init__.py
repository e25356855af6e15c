"""The vocabulary: what every room may import. Needs numpy and the standard library only."""
