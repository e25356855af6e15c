"""nuScenes: tables, drives, labels and splits."""
