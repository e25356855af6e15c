"""The files of a store: what they are called, how columns are laid out in them, and how they are read."""
