"""What older software computed, reproduced exactly; one file per system."""
