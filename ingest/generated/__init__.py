"""Scenes made by ray casting, with the truth known: rooms, sensor, and the writers of real file formats.

How one comes about, in order: `catalogue` knows the classes (their shapes are drawn in `things/`), `room` furnishes a
room with them, `camera_path` walks through it, `render` casts the rays, `sensor` spoils the pictures as real ones are,
`reconstruct` samples the mesh that a scanner would have made, `write_scannet` and `write_rgbd` write files.
`scene.generate_scene(seed, options)` is the door for programs; `folder.write_set` for the command line.
"""
