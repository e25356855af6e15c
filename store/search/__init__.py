"""How regions are found: indexes, filters, scores, probabilities, and what belongs to a hit."""
