"""From what frames see to vectors of points: which frame sees which point, and the sums over frames."""
