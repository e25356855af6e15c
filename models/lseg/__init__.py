"""LSeg: its checkpoints, network and evaluator."""
