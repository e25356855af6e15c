"""Scenes made by ray casting, with the truth known: rooms, sensor, and the writers of real file formats.

How one comes about, in order: `catalogue` knows the classes (`things/` draws them with a `kit`), `room` furnishes a
room with them, `camera_path` walks through it, `render` casts the rays, `sensor` spoils the pictures as real ones are,
`reconstruct` samples the mesh that a scanner would have made, `formats/` write files. The doors for programs are
`scene.generate_scene(seed, options)` and `scene.render(scene, camera, camera_to_world)`; `folder.generate_set` makes
the sets that `plan` lays out.
"""
