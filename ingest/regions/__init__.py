"""From points with vectors to superpoints and objects with vectors, boxes and evidence."""
