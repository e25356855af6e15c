"""How well things fit what stands in the scenes: whole, once, and never two together."""
