"""What the store holds: scenes, feature sets, regions and jobs, by name."""
