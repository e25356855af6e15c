"""What features say, held against what the scans themselves say: one folder for each kind of evaluation."""
