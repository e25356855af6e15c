"""3RScan: its sequences."""
