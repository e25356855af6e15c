"""Everything with weights: encoders, networks, training. Knows arrays, no database."""
