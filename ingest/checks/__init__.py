"""Whether a scan can be what it claims: numbers, depth, colours, memory; before hours are spent on it."""
