"""What features say, held against what the scans themselves say: one folder for each way of judging."""
